# Writes the apt source of our repository, $1, unless it stands there already.
# Prints what was done: unchanged, repaired or written.
set -eu
folder=${APTFLEET_ROOT:-}/etc/apt/sources.list.d
file=$folder/aptfleet.sources
if [ -f "$file" ]; then
	if printf '%s' "$1" | cmp -s - "$file"; then
		echo unchanged
		exit 0
	fi
	did=repaired
else
	did=written
fi
umask 022
mkdir -p "$folder"
# apt passes over names that begin with a dot.
printf '%s' "$1" >"$folder/.aptfleet.sources.new"
mv -f "$folder/.aptfleet.sources.new" "$file"
echo "$did"
