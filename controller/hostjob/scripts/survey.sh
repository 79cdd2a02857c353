# What a job finds: read in one go, once before it changes anything.

# surveyed is empty where the host must be looked at again.
surveyed=''

# survey sets $native, and of what an exact job is to remove, $there to what is
# there. It writes the packages marked automatic to $job/auto, unless that has been
# done; what is planned to $job/planned, as "NAME VERSION" or "NAME -"; and to
# $job/refused which package is neither as the plan found it nor as it is to be.
#
# It fails where that cannot be written. Versions are compared as text: to awk, 1.0
# and 1.00 are the same number.
survey() {
	list >"$job/now"
	know_marks
	true >"$job/refused"
	marked=/dev/null there=''
	[ -f "$job/auto" ] || marked=$job/auto
	true >>"$job/auto"
	awk -v marks="$marked" -v planned="$job/planned" -v refused="$job/refused" \
		-v ask="${APTFLEET_CHROOT:+chroot $APTFLEET_CHROOT }dpkg --print-architecture" "$reading"'
		part == "packages" { if ($1 == "dpkg") native = $4; if ($2 !~ /^.[nc]/) found[$1] = $3 ""; next }
		native == "" { ask | getline native }
		$1 == "mode" { exact = $2 == "exact" }
		$1 == "from" || $1 == "package" || $1 == "absent" {
			version = $2
			name = own(substr($2, 1, index($2 "=", "=") - 1))
			sub(/^[^=]*=?/, "", version)
			if ($1 == "from") { was[name] = version ""; from[++n] = name }
			else { goal[name] = ($1 == "absent" ? "-" : version) "" }
		}
		function said(version) { return version == "-" ? "not installed" : version }
		END {
			print "native", native
			for (name in marked) print name >marks
			if (!exact) exit
			for (name in found) is[own(name)] = found[name]
			for (name in goal) {
				print name, goal[name] >planned
				if (goal[name] == "-" && name in is) print "there", name
			}
			for (i = 1; i <= n; i++) {
				name = from[i]
				now = name in is ? is[name] : "-"
				if (now != was[name] && now != goal[name]) print name " is " said(now) ", and was " said(was[name]) >refused
			}
		}' part=packages FS='|' "$job/now" FS=' ' part=spec "$job/spec" FS=': ' part=marks "$states" >"$job/surveyed"
	while read -r key value; do
		case $key in
		native) native=$value ;;
		there) there="$there $value" ;;
		esac
	done <"$job/surveyed"
	native_only
	surveyed=yes
}
