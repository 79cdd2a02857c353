# Fetching packages for later: those of a plan, and those that they take the
# place of, so that neither needs the repository any more.

# prefetch fetches what is asked for and comes; what goes, it fetches where it
# still can. It is as patient as a refresh is with a repository that is out of
# reach for a moment, in all its calls together.
prefetch() {
	stale=$code
	tries=4
	phase prefetch
	download=$job/download
	[ ! -d "$download" ] || rm -rf "$download"
	mkdir "$download"
	[ -d "$archives" ] || mkdir -p "$archives"
	# shellcheck disable=SC2086 # names without blanks, to be split
	adopt $outgoing
	# shellcheck disable=SC2086
	fetch_all $wanted $outgoing
	# shellcheck disable=SC2086
	remember $wanted $outgoing
	trim
	code=0
	# shellcheck disable=SC2086
	lacking $wanted
	[ -z "$need" ] || code=100
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
	with=$1
	shift
	lacking "$@"
	[ -n "$need" ] || return 0
	within "$download"
	[ -z "${APTFLEET_CHROOT:-}" ] || here=$inner
	cd "$download" || return
	# shellcheck disable=SC2086
	until apt_get "$with" download $need; do retry || break; done
	here=''
	cd /
	[ "$code" = 0 ] || return
	mv -f "$download/"*.deb "$archives/"
}

# adopt keeps what apt has in its own cache: by another name for it, or where that
# is on another disk by a copy.
adopt() {
	for package; do
		archive "$package" "$archives" "$apt_archives" || continue
		[ "${path%/*}" = "$archives" ] || ln "$path" "$archives/" 2>/dev/null ||
			{ cp -p "$path" "$download/" && mv -f "$download/${path##*/}" "$archives/"; }
	done
}

# remember makes the packages the youngest ones of those that are kept.
remember() {
	kept=''
	for package; do
		! archive "$package" "$archives" || kept="$kept ${path##*/}"
	done
	# shellcheck disable=SC2086
	[ -z "$kept" ] || (cd "$archives" && exec touch $kept)
}

# trim removes the oldest packages until what is left is within the limit.
trim() {
	kib=$(du -sk "$archives")
	[ "${kib%%[!0-9]*}" -gt "$archive_limit" ] || return 0
	find "$archives" -type f -printf '%T@ %p\n' | sort -n | while read -r _ path; do
		[ "$(du -sk "$archives" | cut -f 1)" -gt "$archive_limit" ] || return 0
		rm -f "$path"
	done
}

# fetched writes as the result what is kept now of what was asked for, and what is
# not.
fetched() {
	true >"$job/reserve"
	{
		echo "exit $code"
		echo "native $native"
		[ "$stale" = 0 ] || echo stale
		for package in $wanted $outgoing; do
			if archive "$package" "$archives"; then echo "kept $package"; else echo "missing $package"; fi
		done
		echo end
	} >"$job/result"
}
