# Carrying out a set of changes as it was planned, or not at all.

# exact does what is planned, with the lists $1: if the host is as it was, and
# apt would do this and nothing else.
exact() {
	: >"$job/refused" && : >"$job/simulated"
	differs
	pick "$archives"
	[ -s "$job/refused" ] || simulate "$1" || {
		too_narrow || return
		pick "$archives" "$apt_archives"
		simulate "$1" || return
	}
	[ -s "$job/refused" ] || goes_beyond
	if [ -s "$job/refused" ]; then
		sed 's/^/E: not as planned: /' "$job/refused"
		code=100
		return "$code"
	fi
	phase install
	case "$wanted " in
	*"- "*) ;;
	*) allowed="$allowed --no-remove" ;; # should another get in between
	esac
	[ ! -s "$job/simulated" ] || carry_out "$1"
	[ "$code" != 0 ] || restore_marks
	return "$code"
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

# goes_beyond refuses what apt would do beside the plan.
goes_beyond() {
	sed -e '/^Conf /d' -e 's/^Inst \([^ ]*\)\( \[[^]]*\]\)\{0,1\} (\([^ ]*\) .*/\1 \3/' \
		-e 's/^Remv \([^ ]*\).*/\1 -/' -e 's/^Purg \([^ ]*\).*/\1 -/' "$job/simulated" | sort >"$job/would"
	sort "$job/planned" | comm -13 - "$job/would" | sed -e 's/^\([^ ]*\) -$/apt would remove \1/' -e '/^apt would/!s/^/apt would install /' >"$job/refused"
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
	inside apt-mark $ours "$1" $2 || note note "could not mark as $1: $2"
}
