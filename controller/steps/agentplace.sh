# Writes those files of the agent that differ, given as NAME CONTENT pairs, and has
# it run. Prints what was done: unchanged, repaired or written.
set -eu
folder=${APTFLEET_ROOT:-}/etc/aptfleet-agent
did=unchanged
umask 022
mkdir -p "$folder"
while [ $# -gt 0 ]; do
	file=$folder/$1
	if [ ! -f "$file" ]; then
		[ "$did" = repaired ] || did=written
	elif ! printf '%s' "$2" | cmp -s - "$file"; then
		did=repaired
	else
		shift 2
		continue
	fi
	printf '%s' "$2" >"$folder/.$1.new"
	mv -f "$folder/.$1.new" "$file"
	shift 2
done
if [ -d /run/systemd/system ] && [ -z "${APTFLEET_ROOT:-}" ]; then
	unit=aptfleet-agent.service
	if ! systemctl --quiet is-enabled "$unit"; then
		[ "$did" != unchanged ] || did=repaired
		systemctl --quiet enable "$unit"
	fi
	if [ "$did" != unchanged ]; then
		systemctl restart "$unit"
	elif ! systemctl --quiet is-active "$unit"; then
		did=repaired
		systemctl start "$unit"
	fi
fi
echo "$did"
