# Prints what is new of job $1: a header, the bytes of log and status from
# offsets $4 and $5, and the result once there is one. It waits up to $6 seconds
# for the job's end, and then up to five times as long for the first news.
# $2 owner and $3 seconds of lease, which is renewed; 0 leaves it as it is.
set -u
umask 077
base=${APTFLEET_ROOT:-}/var/lib/aptfleet
job=$base/jobs/$1
chunk=262144

size() { wc -c <"$1" 2>/dev/null || echo 0; }
news() { [ "$(size "$job/log")" -gt "$1" ] || [ "$(size "$job/status")" -gt "$2" ]; }

# part prints at most a chunk of file $1, $3 bytes long now, from offset $2.
part() { [ "$3" -le "$2" ] || tail -c +$(($2 + 1)) "$1" | head -c "$(length "$2" "$3")"; }
length() {
	length=$(($2 - $1))
	[ "$length" -le $chunk ] || length=$chunk
	[ "$length" -ge 0 ] || length=0
	echo "$length"
}

# await waits up to $1 seconds for the end of the work, which holds a lock on
# alive as long as it lives. So nobody has to look again and again, and a short
# job costs no second.
await() {
	! flock -s -w "$1" "$job/alive" true 2>/dev/null || {
		judge
		[ "$state" != running ] || sleep "$1" # somewhere without such locks
	}
}

[ "$3" = 0 ] || [ ! -d "$base" ] || lease "$2" "$3"
settled
rounds=0
while [ "$state" = running ] && [ "$6" -gt 0 ] && [ "$rounds" -lt 5 ]; do
	[ "$rounds" = 0 ] || ! news "$4" "$5" || break
	await "$6"
	rounds=$((rounds + 1))
	judge
done
# The state is older than the sizes, so that an end is never told before the
# last bytes that came before it.
log=$(size "$job/log") status=$(size "$job/status") result=0
[ "$state" != ended ] || result=$(size "$job/result")
[ "$state" != ended ] || release "$2"
echo "aptfleet-job $state $log $(length "$4" "$log") $status $(length "$5" "$status") $result"
part "$job/log" "$4" "$log"
part "$job/status" "$5" "$status"
[ "$result" = 0 ] || cat "$job/result"
