# holder prints who has one of dpkg's locks. The kernel's list has no more of a
# file than its number, which others have too: the process must have it open.
holder() {
	locks=${APTFLEET_ROOT:-}/var/lib/dpkg
	numbers=$(stat -c '%i %n' "$locks/lock-frontend" "$locks/lock")
	# shellcheck disable=SC2086 # numbers and paths without blanks
	set -- $numbers
	while [ $# -gt 1 ]; do
		while read -r _ _ _ _ pid file _; do
			[ "${file##*:}" = "$1" ] && find -L "/proc/$pid/fd" -samefile "$2" | grep -q . || continue
			read -r name <"/proc/$pid/comm" && echo "lock $pid $name" && return
		done </proc/locks
		shift 2
	done
}
