# Prints what is new of job $1: a header, the bytes of log and status from
# offsets $4 and $5, and the result once there is one. It waits up to $6 seconds
# for the job's end, and as long again where there are no news by then.
# $2 owner and $3 seconds of lease, which is renewed; 0 leaves it as it is.
#
# It runs again and again on every host, so it starts as few programs as it can.
set -u
umask 077
base=${APTFLEET_ROOT:-}/var/lib/aptfleet
job=$base/jobs/$1
chunk=262144

# sizes sets $log, $status and $result to how long the files are by now.
sizes() {
	sizes=$(stat --printf '%s ' "$job/log" "$job/status" "$job/result" 2>/dev/null)
	# shellcheck disable=SC2086 # split into its words
	set -- $sizes
	log=${1:-0} status=${2:-0} result=${3:-0}
}

# span sets $span to how much of a file of $2 bytes follows offset $1, at most a
# chunk.
span() {
	span=$(($2 - $1))
	[ "$span" -le $chunk ] || span=$chunk
	[ "$span" -ge 0 ] || span=0
}

# part prints $3 bytes of file $1 from offset $2.
part() { [ "$3" = 0 ] || dd if="$1" iflag=skip_bytes,count_bytes bs=$chunk skip="$2" count="$3" status=none; }

# await waits up to $1 seconds for the end of the work, which holds a lock on
# alive as long as it lives. So nobody has to look again and again, and a short
# job costs no second.
await() {
	! { flock -s -w "$1" 7; } 2>/dev/null 7>>"$job/alive" || {
		judge
		[ "$state" != running ] || sleep "$1" # somewhere without such locks
	}
}

[ "$3" = 0 ] || [ ! -d "$base" ] || [ -n "${now:-}" ] || lease "$2" "$3" # which a start has just taken
settled
log='' rounds=0
while [ "$state" = running ] && [ "$6" -gt 0 ] && [ "$rounds" -lt 2 ]; do
	await "$6"
	rounds=$((rounds + 1))
	judge
	sizes
	[ "$log" -le "$4" ] && [ "$status" -le "$5" ] || break
done
# The state is older than the sizes, so that an end is never told before the
# last bytes that came before it.
[ -n "$log" ] || sizes
if [ "$state" = ended ]; then release "$2"; else result=0; fi
span "$4" "$log" && new_log=$span
span "$5" "$status" && new_status=$span
echo "aptfleet-job $state $log $new_log $status $new_status $result"
part "$job/log" "$4" "$new_log"
if [ "$result" != 0 ] && [ "$new_status" = "$status" ]; then
	cat "$job/status" "$job/result" # as a rule all of a short job is asked for once
else
	part "$job/status" "$5" "$new_status"
	[ "$result" = 0 ] || cat "$job/result"
fi
