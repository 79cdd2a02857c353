# Carrying out a set of changes as it was planned, or not at all.

# exact does what is planned, with the lists $1: if the host is as it was, and
# apt would do this and nothing else.
exact() {
	: >"$job/refused"
	differs
	if [ ! -s "$job/refused" ]; then
		phase install
		guard
		guarded "$1" "$archives" ||
			{ [ ! -s "$job/refused" ] && too_narrow && guarded "$1" "$archives" "$apt_archives"; }
	fi
	if [ -s "$job/refused" ]; then
		sed 's/^/E: not as planned: /' "$job/refused"
		code=100
	fi
	[ "$code" != 0 ] || restore_marks
	return "$code"
}

# guarded runs apt for what is planned, with the lists $1 and the packages that the
# folders behind it keep. What we keep is not fetched again, and stays. Before apt
# lets dpkg begin, it asks the guard.
guarded() {
	with=$1
	shift
	pick "$@"
	carry_out "$with" -o "Dir::Cache::Archives=$(within "$archives")/" -o APT::Keep-Downloaded-Packages=1 \
		-o "DPkg::Pre-Install-Pkgs::=/bin/sh $(within "$job/guard")" -o DPkg::Tools::Options::/bin/sh::Version=3
}

# guard writes the script that apt tells what it is about to do (apt.conf(5),
# DPkg::Pre-Install-Pkgs), and that refuses what is not planned. Behind an empty
# line has each package's old version, architecture, kind, "<", new version,
# architecture, kind, and the archive or what else is done.
guard() {
	mkdir -p "$archives/partial" # which apt insists on
	sort "$job/planned" >"$job/plan"
	cat >"$job/guard" <<-EOF
		awk -v native=$native '
			body && \$9 != "**CONFIGURE**" {
				gone = \$9 == "**REMOVE**"
				arch = gone ? \$3 : \$7
				name = \$1 (arch == native || arch == "all" ? "" : ":" arch)
				if (gone) goes[name]; else comes[name] = \$6
			}
			/^\$/ { body = 1 }
			END {
				for (name in comes) print name, comes[name]
				for (name in goes) if (!(name in comes)) print name, "-"
			}' | sort | comm -13 "$(within "$job/plan")" - |
			sed -e 's/^\([^ ]*\) -\$/apt would remove \1/' -e '/^apt would/!s/^/apt would install /' >"$(within "$job/refused")" &&
			[ ! -s "$(within "$job/refused")" ]
	EOF
}

# pick sets $picked to what apt is asked for: a package that one of the folders
# keeps by its path, which no list must know, every other by its version.
pick() {
	picked=''
	for package in $wanted; do
		case $package in
		*-)
			standing "$job/now" | grep -q -F -x -e "${package%-}" || continue
			picked="$picked $package"
			;;
		*) picked="$picked $(kept_or_named "$package" "$@")" ;;
		esac
	done
}

kept_or_named() {
	package=$1
	if path=$(archive "$@"); then within "$path"; else echo "$package"; fi
}

# standing prints the names of what is installed by file $1 of lines of packages.
standing() { installed "$1" | cut -d ' ' -f 1; }

# installed prints "NAME VERSION" of what is installed by file $1, sorted.
installed() {
	sed -e '/^[^|]*|.[nc]/d' -e "s/^\([^|]*\):$native|/\1|/" -e 's/|...|/ /' "$1" | sort -k 1b,1
}

# planned prints "NAME VERSION" of what is to be, "-" where it is nothing.
planned() {
	for package in $wanted; do
		case $package in
		*-) echo "${package%-} -" ;;
		*) echo "${package%%=*} ${package#*=}" ;;
		esac
	done | sort -k 1b,1
}

# differs refuses a host on which a package is neither as the plan found it nor
# as it is to be.
differs() {
	look
	list >"$job/now"
	installed "$job/before" >"$job/found"
	planned >"$job/planned"
	# shellcheck disable=SC2086
	printf '%s\n' $from | tr '=' ' ' | sort -k 1b,1 | join -a 1 -e - -o 0,1.2,2.2 - "$job/found" |
		join - "$job/planned" | while read -r name was is goal; do
		[ "$is" = "$was" ] || [ "$is" = "$goal" ] || echo "$name is $is, and was $was"
	done | sed -e 's/ is -,/ is not installed,/' -e 's/ was -$/ was not installed/' >"$job/refused"
}

# restore_marks makes those of the packages automatic that were, or are to be,
# unless somebody asks for them by name now.
restore_marks() {
	marks >"$job/marks"
	sed -n 's/ [^-].*//p' "$job/planned" | sort >"$job/names"
	# shellcheck disable=SC2086
	printf '%s\n' $manual | sort >"$job/manual"
	# shellcheck disable=SC2086
	printf '%s\n' $auto | sort -u - "$job/auto" | comm -23 - "$job/manual" | comm -12 - "$job/names" >"$job/goal"
	comm -12 "$job/marks" "$job/names" >"$job/have"
	mark_as auto "$(comm -13 "$job/have" "$job/goal")"
	mark_as manual "$(comm -23 "$job/have" "$job/goal")"
}

mark_as() {
	[ -n "$2" ] || return 0
	# shellcheck disable=SC2086
	inside apt-mark $only $ours "$1" $2 || note note "could not mark as $1: $2"
}
