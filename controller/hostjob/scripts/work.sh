# The work of a job, detached from whoever started it: what is before and after
# it, and the result. $1 is the job's folder, $2 the attempt.
set -u
umask 022
job=$1
exec </dev/null >>"$job/log" 2>&1
# Given up for dead before it began, or started twice.
[ ! -d "$job/attempt-$(($2 + 1))" ] && mkdir "$job/attempt-$2/began" || exit 0
exec 9>"$job/alive" && flock 9 # until the end, see follow.sh
echo "$$ $(birth $$)" >"$job/pid.new" && mv "$job/pid.new" "$job/pid"

# left prints what a dist-upgrade still would change.
left() {
	[ "$mode" = dist-upgrade ] || return 0
	plan=$(inside apt-get -s -q -y dist-upgrade </dev/null) || echo "left (unknown: apt-get cannot simulate)"
	echo "$plan" | sed -n 's/^Inst \([^ ]*\).*/left \1/p'
}

verify() {
	phase verify
	look
}

# killed tells whether it was a signal that ended what apt ran.
killed() { [ "$code" != 0 ] && said '^E: Sub-process .* (received|exited unexpectedly)'; }

# finish writes the result and, last of all, the exit status that says the job
# has ended. The reserve makes room for both on a disk that is full.
finish() {
	rm -f "$job/reserve"
	list >"$job/after"
	{
		echo "exit $code"
		echo "native $native"
		[ "$stale" = 0 ] || echo stale
		cat "$job/policy"
		changes
		left
		was_auto
		[ ! -s "$job/refused" ] || sed 's/^/refused /' "$job/refused"
		fetched
		! damaged >/dev/null || inside dpkg --audit | head -c 4096 | sed 's/^/audit /'
		echo end
	} >"$job/result.new" 2>/dev/null && mv "$job/result.new" "$job/result"
	echo "$code" >"$job/rc.new" && mv "$job/rc.new" "$job/rc"
	exit 0
}

read_spec
: >"$job/policy"
mark=$(wc -c <"$job/log")
if [ "$mode" = prefetch ]; then # which changes nothing of what is installed
	code=0 seen=''
	: >"$job/before"
	refresh "$refresh"
	stale=$code
	prefetch
	finish
fi
look
[ -f "$job/before" ] || list >"$job/before"
[ -f "$job/auto" ] || marks >"$job/auto"
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
keep_holds
finish
