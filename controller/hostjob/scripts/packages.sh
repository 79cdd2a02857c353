# What is installed: lines "PACKAGE|STATUS|VERSION", STATUS three letters as in
# dpkg -l.

# know_native sets $native to the host's own architecture.
know_native() { native=$(inside dpkg --print-architecture); }

# look keeps what is installed now, and list prints it. It is kept in no file: the
# disk may be full.
look() { seen=$(inside dpkg-query -W -f '${binary:Package}|${db:Status-Abbrev}|${Version}\n' | sort); }

list() { [ -z "$seen" ] || printf '%s\n' "$seen"; }

# keep_holds puts packages on hold again that were before it: apt takes a hold
# off what it was allowed to change. Names alone sort otherwise than whole lines.
keep_holds() {
	sed -n 's/^\([^|]*\)|h.*/\1/p' "$job/before" | sort >"$job/holds"
	[ -s "$job/holds" ] || return 0
	lost=$(list | grep -v '^[^|]*|\(h\|.[nc]\)' | sed 's/|.*//' | sort | comm -12 - "$job/holds")
	[ -n "$lost" ] || return 0
	echo "$lost" | sed 's/$/ hold/' | inside dpkg --set-selections || note note "could not put packages on hold again that were before"
	look
}

# damage marks the packages that dpkg began with and did not finish.
damage='^[^|]*[|](.[UFHWt]|..R)'

# damaged prints the lines of such packages, and unfinished those of them where
# asking dpkg again can help: a package that is only half configured has a script
# that said no.
damaged() { list | grep -E "$damage"; }
unfinished() { damaged | grep -v '^[^|]*|.F[^R]'; }

# is_target tells whether package $1 is one of those that were asked for.
is_target() {
	case " $names " in *" ${1%%:*} "* | *" $1 "*) return 0 ;; esac
	return 1
}

# changes prints what the job changed, and of what stayed the same the targets
# and what is damaged.
changes() {
	comm "$job/before" "$job/after" | awk -v targets="$names" -v damage="$damage" '
		BEGIN { for (n = split(targets, name, " "); n; n--) target[name[n]] }
		/^\t\t/ {
			line = substr($0, 3); full = bare = line
			sub(/[|].*/, "", full); sub(/[:|].*/, "", bare)
			if (line ~ damage || full in target || bare in target) print "same " line
			next
		}
		/^\t/ { print "after " substr($0, 2); next }
		{ print "before " $0 }'
}

# policy prints for each target without an exact version "candidate NAME VERSION"
# and, if a source offers it, "offered NAME".
policy() {
	[ -n "$open" ] || return 0
	lists=$1
	[ "$lists" = all ] || lists=$ours
	[ "$lists" != all ] || lists=
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
