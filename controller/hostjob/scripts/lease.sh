# The lease of this host: one line "EXPIRY OWNER" in $base/lease, by the host's
# own clock, changed only under the lock; no line where nobody has it. Nobody
# waits for a lease.
now=''

# locked takes the lock, as file 8. A redirection that fails would end the shell
# if exec made it, so it is tried before.
locked() { true >>"$base/lease.lock" && exec 8>>"$base/lease.lock" && flock -w 10 8; }

# lease takes or renews the lease for owner $1 for $2 seconds, and sets $now. If it
# fails, $holder is who has it and $until its expiry; no holder is a disk that is
# full.
#
# The line is written over the one that is there, in one piece: that needs no room
# on the disk, and no program. What is left of a longer one is on the next line.
lease() {
	holder='' until=0 now=$(date +%s)
	locked || return 1
	[ ! -s "$base/lease" ] || read -r until holder <"$base/lease"
	if [ "$holder" != "$1" ] && [ "$until" -gt "$now" ] 2>/dev/null; then
		exec 8>&-
		return 1
	fi
	holder='' leased=1
	! echo "$((now + $2)) $1" 1<>"$base/lease" || leased=0
	exec 8>&-
	return "$leased"
}

# release gives the lease up, if it is still owner $1's.
release() {
	holder=''
	locked || return
	[ ! -s "$base/lease" ] || read -r until holder <"$base/lease"
	[ "$holder" != "$1" ] || true >"$base/lease"
	exec 8>&-
}
