# The lease of this host: one line "EXPIRY OWNER" in $base/lease, by the host's
# own clock, changed only under the lock. Nobody waits for a lease.

# locked takes the lock, as file 8. A redirection that fails would end the shell
# if exec made it, so it is tried before.
locked() { true >>"$base/lease.lock" && exec 8>>"$base/lease.lock" && flock -w 10 8; }

# lease takes or renews the lease for owner $1 for $2 seconds. If it fails,
# $holder is who has it and $until its expiry; no holder is a disk that is full.
lease() {
	holder='' until=0 now=$(date +%s)
	locked || return 1
	[ ! -s "$base/lease" ] || read -r until holder <"$base/lease"
	if [ "$holder" != "$1" ] && [ "$until" -gt "$now" ] 2>/dev/null; then
		exec 8>&-
		return 1
	fi
	holder=''
	echo "$((now + $2)) $1" >"$base/lease.new" && mv "$base/lease.new" "$base/lease"
	leased=$?
	exec 8>&-
	return "$leased"
}

# release gives the lease up, if it is still owner $1's.
release() {
	holder=''
	locked || return
	[ ! -s "$base/lease" ] || read -r until holder <"$base/lease"
	[ "$holder" != "$1" ] || rm -f "$base/lease"
	exec 8>&-
}
