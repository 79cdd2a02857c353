# holder prints who has one of dpkg's locks. The kernel's list has no more of a
# file than its number, which others have too: the process must have it open.
holder() {
	for lock in lock-frontend lock; do
		lock=${APTFLEET_ROOT:-}/var/lib/dpkg/$lock
		inode=$(stat -c %i "$lock") || continue
		while read -r _ _ _ _ pid file _; do
			[ "${file##*:}" = "$inode" ] && find -L "/proc/$pid/fd" -samefile "$lock" | grep -q . || continue
			read -r name <"/proc/$pid/comm" && echo "lock $pid $name" && return
		done </proc/locks
	done
}
