# Fetching packages for later: those of a plan, and those that they take the
# place of, so that neither needs the repository any more.

# prefetch fetches what is asked for and comes; what goes, it fetches where it
# still can.
prefetch() {
	phase prefetch
	rm -rf "$job/download"
	mkdir -p "$archives" "$job/download"
	find "$archives" -type f -mtime +30 -delete
	# shellcheck disable=SC2086 # names without blanks, to be split
	adopt $outgoing
	# shellcheck disable=SC2086
	fetch_all $wanted $outgoing
	rm -rf "$job/download"
	# shellcheck disable=SC2086
	remember $wanted $outgoing
	trim
	code=0
	# shellcheck disable=SC2086
	[ -z "$(lacking $wanted)" ] || code=100
}

# fetch_all fetches the packages in as few calls as may be: with our lists, with
# all of them as they are, and in the end one by one.
fetch_all() {
	# shellcheck disable=SC2086
	fetch ours "$@" || { fetch all $wanted && fetch all $outgoing; } || {
		for one; do fetch all "$one"; done
	}
}

# fetch fetches those of the packages that are lacking, with the lists $1. apt
# writes into the folder where it is called; only what it calls whole is kept.
fetch() {
	lists=$1
	shift
	need=$(lacking "$@")
	[ -n "$need" ] || return 0
	here=$(within "$job/download")
	# shellcheck disable=SC2086
	apt_get "$lists" download $need
	here=''
	[ "$code" = 0 ] || return
	mv -f "$job/download/"*.deb "$archives/"
}

# adopt keeps what apt has in its own cache.
adopt() {
	for package; do
		path=$(archive "$package" "$archives" "$apt_archives") || continue
		[ "${path%/*}" = "$archives" ] || {
			cp -p "$path" "$job/download/" && mv -f "$job/download/${path##*/}" "$archives/"
		}
	done
}

# remember makes the packages the youngest ones of those that are kept.
remember() {
	for package; do
		path=$(archive "$package" "$archives") && touch "$path"
	done
}

# trim removes the oldest packages until what is left is within the limit.
trim() {
	find "$archives" -type f -printf '%T@ %p\n' | sort -n | while read -r _ path; do
		[ "$(du -sk "$archives" | cut -f 1)" -gt "$archive_limit" ] || return 0
		rm -f "$path"
	done
}

# fetched prints what is kept now of what was asked for, and what is not.
fetched() {
	[ "$mode" = prefetch ] || return 0
	for package in $wanted $outgoing; do
		if archive "$package" "$archives" >/dev/null; then echo "kept $package"; else echo "missing $package"; fi
	done
}
