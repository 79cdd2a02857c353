# Refreshing apt's lists. apt-get update calls much a success that is none, so
# any error counts; and it does not try again after an answer of 5xx.

refresh() {
	phase refresh
	case $1 in
	ours) refresh_ours ;;
	all) refresh_all ;;
	esac
}

refresh_ours() {
	if [ ! -f "${APTFLEET_ROOT:-}/etc/apt/sources.list.d/aptfleet.sources" ]; then
		echo "E: this host has no source of ours, /etc/apt/sources.list.d/aptfleet.sources: enroll it"
		code=100
		return 1
	fi
	update 4 ours -o pkgCacheFile::Generate=false -o APT::Update::Error-Mode=any
}

# refresh_all insists on our own source, if there is one, and lets others fail:
# somebody else's broken source is for somebody else to mend.
refresh_all() {
	if [ -f "${APTFLEET_ROOT:-}/etc/apt/sources.list.d/aptfleet.sources" ]; then
		refresh_ours || return
	fi
	update 1 all
	! said '^(E:|Err:|W: (Failed to fetch|Some index|GPG|An error))' || note note "other sources than ours could not all be refreshed"
	code=0
}

# update tries up to $1 times where another try may help, with the sources and
# options that follow.
update() {
	tries=$1
	shift
	until apt_get "$@" update; do retry || return; done
}

# retry waits before another try, if one of $tries is left and may help.
retry() {
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] && said '( 5[0-9][0-9] |[Cc]onnect|Temporary failure|from server|Mismatch|unexpected size)' || return
	sleep 2
}
