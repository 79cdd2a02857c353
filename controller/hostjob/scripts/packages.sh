# What is installed: lines "PACKAGE|STATUS|VERSION|ARCHITECTURE|KIB", STATUS three
# letters as in dpkg -l.

# look keeps what is installed now, and list prints it. It is kept in no file: the
# disk may be full.
look() { seen=$(instead dpkg-query -W -f '${binary:Package}|${db:Status-Abbrev}|${Version}|${Architecture}|${Installed-Size}\n'); }

list() { [ -z "$seen" ] || printf '%s\n' "$seen"; }

# damage marks the packages that dpkg began with and did not finish.
damage='^[^|]*[|](.[UFHWt]|..R)'

# damaged prints the lines of such packages, and unfinished those of them where
# asking dpkg again can help: a package that is only half configured has a script
# that said no. As a rule there is none, which the shell sees by itself: the first
# letter is one of five, and no version begins so.
damaged() {
	case $seen in
	*'|'[uihrp][UFHWt]* | *'|'[uihrp]?R*) list | grep -E "$damage" ;;
	*) return 1 ;;
	esac
}
unfinished() { damaged >/dev/null && damaged | grep -v '^[^|]*|.F[^R]'; }

# is_target tells whether package $1 is one of those that were asked for.
is_target() {
	case " $names " in *" ${1%%:*} "* | *" $1 "*) return 0 ;; esac
	return 1
}

# policy prints for each target without an exact version "candidate NAME VERSION"
# and, if a source offers it, "offered NAME".
policy() {
	[ -n "$open" ] || return 0
	sources "$1"
	# shellcheck disable=SC2086 # options and names without blanks, to be split
	inside apt-cache $only $lists policy $open | while IFS= read -r line; do
		case $line in
		"  Candidate: "*) echo "candidate $name ${line#  Candidate: }" ;;
		"        "*/var/lib/dpkg/status) ;;
		"        "*) echo "offered $name" ;;
		" "*) ;;
		*:) name=${line%:} ;;
		esac
	done | sort -u
}
