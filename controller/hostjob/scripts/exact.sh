# Carrying out a set of changes as it was planned, or not at all.

# exact does what is planned, with the lists $1: if the host is as it was, and
# apt would do this and nothing else.
exact() {
	[ -n "$surveyed" ] || look
	if [ -z "$surveyed" ] && ! survey; then
		echo "E: cannot write to $job"
		code=100
		return "$code"
	fi
	surveyed=''
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
	return "$code"
}

# guarded runs apt for what is planned, with the lists $1 and the packages that the
# folders behind it keep. What we keep is not fetched again, and stays. Before apt
# lets dpkg begin, it asks the guard.
guarded() {
	with=$1
	shift
	pick "$@"
	within "$archives"
	run_apt "$with" -o "Dir::Cache::Archives=$inner/" -o APT::Keep-Downloaded-Packages=1 \
		-o "DPkg::Pre-Install-Pkgs::=$asked" -o DPkg::Tools::Options::awk::Version=3
}

# guard writes the program that apt tells what it is about to do (apt.conf(5),
# DPkg::Pre-Install-Pkgs), and that refuses what is not planned. Behind an empty
# line has each package's old version, architecture, kind, "<", new version,
# architecture, kind, and the archive or what else is done. $asked is how apt
# runs it.
guard() {
	[ -d "$archives/partial" ] || mkdir -p "$archives/partial" # which apt insists on
	printf '%s\n' '
		BEGIN { while ((getline line <plan) > 0) { split(line, word, " "); goal[word[1]] = word[2] "" } }
		body && $9 != "**CONFIGURE**" {
			gone = $9 == "**REMOVE**"
			arch = gone ? $3 : $7
			name = $1 (arch == native || arch == "all" ? "" : ":" arch)
			if (!(name in goes || name in comes)) names[++n] = name
			if (gone) goes[name]; else comes[name] = $6 ""
		}
		/^$/ { body = 1 }
		function refuse(what) { print "apt would " what >refused; wrong = 1 }
		END {
			for (i = 1; i <= n; i++) {
				name = names[i]
				if (name in comes) { if (goal[name] != comes[name]) refuse("install " name " " comes[name]) }
				else if (goal[name] != "-") refuse("remove " name)
			}
			exit wrong
		}' >"$job/guard"
	within "$job"
	asked="awk -v native=$native -v plan=$inner/planned -v refused=$inner/refused -f $inner/guard"
}

# pick sets $picked to what apt is asked for: a package that one of the folders
# keeps by its path, which no list must know, every other by its version.
pick() {
	picked=''
	for package in $wanted; do
		case $package in
		*-) case "$there " in *" ${package%-} "*) picked="$picked $package" ;; esac ;;
		*)
			! archive "$package" "$@" || { within "$path" && package=$inner; }
			picked="$picked $package"
			;;
		esac
	done
}
