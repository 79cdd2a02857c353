# Runs tasks, each within its time, and prints for each a line "NUMBER STATUS
# HEX": its exit status, and the end of what it wrote, which is lost where it left
# somebody behind who holds its output open. $1 tasks run one after the other, and
# then the others at once. A task is SECONDS BYTES WORDS, and then so many words.
# The last line is "end": less is not all.

# run runs task $1, which follows with all the others.
run() (
	number=$1 seconds=$2 bytes=$3 words=$4
	shift 4
	rest=$#
	for word; do
		[ "$words" -gt 0 ] || break
		set -- "$@" "$word"
		words=$((words - 1))
	done
	shift "$rest"
	# The status goes another way than the output, which may go on after it.
	found=$({
		{
			timeout -k 1 "$seconds" "$@" </dev/null 2>&1 3>&-
			printf '%s ' "$?" >&3
		} | timeout "$((seconds + 2))" tail -c "$bytes" | od -An -v -tx1 | tr -d ' \n'
	} 3>&1)
	echo "$number $found"
)

front=$1
shift
number=0
while [ "$number" -lt "$front" ]; do
	run "$number" "$@"
	shift "$(($3 + 3))"
	number=$((number + 1))
done
# A pipe takes a short line whole, so that those of two tasks never mix.
found=$(
	while [ $# -gt 0 ]; do
		run "$number" "$@" &
		shift "$(($3 + 3))"
		number=$((number + 1))
	done
	wait
)
[ -z "$found" ] || echo "$found"
echo end
