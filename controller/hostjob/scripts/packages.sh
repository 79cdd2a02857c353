# What is installed: lines "PACKAGE|STATUS|VERSION", STATUS three letters as in
# dpkg -l.

# know_native sets $native to the host's own architecture.
know_native() { native=$(inside dpkg --print-architecture); }

packages() { inside dpkg-query -W -f '${binary:Package}|${db:Status-Abbrev}|${Version}\n' | sort; }

# keep_holds puts packages on hold again that were before it: apt takes a hold
# off what it was allowed to change. Names alone sort otherwise than whole lines.
keep_holds() {
	sed -n 's/^\([^|]*\)|h.*/\1/p' "$job/before" | sort >"$job/holds"
	[ -s "$job/holds" ] || return 0
	packages | grep -v '^[^|]*|\(h\|.[nc]\)' | sed 's/|.*//' | sort | comm -12 - "$job/holds" |
		sed 's/$/ hold/' | inside dpkg --set-selections || note note "could not put packages on hold again that were before"
}

# damaged keeps the lines of packages that dpkg began with and did not finish,
# and unfinished those of them where asking dpkg again can help: a package that
# is only half configured has a script that said no.
damaged() { grep -e '^[^|]*|.[UFHWt]' -e '^[^|]*|..R'; }
unfinished() { grep -e '^[^|]*|.[UHWt]' -e '^[^|]*|..R'; }

# is_target tells whether package $1 is one of those that were asked for.
is_target() {
	case " $names " in *" ${1%%:*} "* | *" $1 "*) return 0 ;; esac
	return 1
}

# changes prints what the job changed, and of what stayed the same the targets
# and what is damaged.
changes() {
	comm -23 "$job/before" "$job/after" | sed 's/^/before /'
	comm -13 "$job/before" "$job/after" | sed 's/^/after /'
	comm -12 "$job/before" "$job/after" | damaged | sed 's/^/same /'
	comm -12 "$job/before" "$job/after" | while IFS= read -r line; do
		! is_target "${line%%|*}" || echo "same $line"
	done
}

# policy prints for each target without an exact version "candidate NAME VERSION"
# and, if a source offers it, "offered NAME".
policy() {
	[ -n "$open" ] || return 0
	lists=$1
	[ "$lists" = all ] || lists=$ours
	[ "$lists" != all ] || lists=
	# shellcheck disable=SC2086 # options and names without blanks, to be split
	inside apt-cache $lists policy $open | while IFS= read -r line; do
		case $line in
		"  Candidate: "*) echo "candidate $name ${line#  Candidate: }" ;;
		"        "*/var/lib/dpkg/status) ;;
		"        "*) echo "offered $name" ;;
		" "*) ;;
		*:) name=${line%:} ;;
		esac
	done | sort -u
}
