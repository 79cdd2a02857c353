# The work of a job, detached from whoever started it: what is before and after
# it, and the result. $1 is the job's folder, $2 the attempt.
set -u
umask 022
job=$1
exec </dev/null >>"$job/log" 2>&1
# Given up for dead before it began, or started twice: only one makes the file.
set -C
[ ! -d "$job/attempt-$(($2 + 1))" ] && true 2>/dev/null >"$job/attempt-$2/began" || exit 0
set +C
exec 9>"$job/alive" && flock 9 # until the end, see follow.sh
birth $$
echo "$$ $birth" >"$job/pid"
[ "$2" = 1 ] || echo "Begun again, for the attempt $2."

# left prints what a dist-upgrade still would change.
left() {
	[ "$mode" = dist-upgrade ] || return 0
	# shellcheck disable=SC2086 # an option, to be split
	plan=$(inside apt-get $only -s -q -y dist-upgrade </dev/null) || echo "left (unknown: apt-get cannot simulate)"
	echo "$plan" | sed -n 's/^Inst \([^ ]*\).*/left \1/p'
}

verify() {
	phase verify
	look
}

# killed tells whether it was a signal that ended what apt ran.
killed() { [ "$code" != 0 ] && said '^E: Sub-process .* (received|exited unexpectedly)'; }

# finish writes, last of all, the exit status that says the job has ended.
finish() {
	echo "$code" >"$job/rc"
	exit 0
}

code=0
read_mode
if [ "$mode" = prefetch ]; then # which changes nothing of what is installed
	know_native
	read_spec
	refresh "$refresh"
	prefetch
	fetched
	finish
fi
look
[ -f "$job/before" ] || list >"$job/before"
survey || know_native
read_spec
true >"$job/policy"
phase repair-before
! interrupted damaged || repair
code=0 # what could not be repaired, apt will speak of if it is in the way
refresh "$refresh"
stale=$code
[ "$code" != 0 ] || install_targets
verify
if [ "$code" -gt 128 ] || interrupted unfinished || killed; then
	phase repair-after
	repair
	install_targets
	verify
fi
true >"$job/reserve" # a disk that is full must not cost us the verdict
report
if [ -s "$job/todo" ]; then
	put_right
	look
	report
fi
finish
