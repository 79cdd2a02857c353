# Starts job $1, or finds that it has been started; what follows attaches.
# $2 owner, $3 seconds of lease, $7 attempt, $8 spec, $9 the work, ${10} apt's
# option of a proxy, or nothing.
set -u
umask 077
base=${APTFLEET_ROOT:-}/var/lib/aptfleet
job=$base/jobs/$1
attempt=$7

refuse() {
	echo "aptfleet-job refused $*"
	exit 0
}

# make builds the folder aside and renames it, so that it is there whole or not
# at all, and only one of two who start the same id can have made it. The
# reserve is given back before the result is written: a disk that the packages
# filled must not cost us the verdict.
make() {
	new=$job.new.$$
	[ ! -e "$new" ] || rm -rf "$new"
	if ! fill "$1" "$2" 2>/dev/null; then
		rm -rf "$new"
		reason=$(fill "$1" "$2" 2>&1)
		rm -rf "$new"
		refuse failed "cannot write $new: $reason"
	fi
	mv -T "$new" "$job" 2>/dev/null && return
	rm -rf "$new"
	return 1
}

# fill writes the new folder. The reserve, for which a disk that is nearly full
# has no room, is the first: of a program one hears why, of the shell "I/O error".
# A redirection that fails ends the shell behind ":", and not behind "true".
fill() {
	mkdir "$new" "$new/attempt-1" && head -c 262144 /dev/urandom >"$new/reserve" &&
		printf %s "$1" >"$new/spec" && printf %s "$2" >"$new/work" &&
		true >"$new/log" && true >"$new/status" && boot_id && echo "$boot" >"$new/boot_id"
}

# again claims another attempt for a job that died.
again() {
	[ ! -s "$job/rc" ] && mkdir "$job/attempt-$attempt" 2>/dev/null || return
	rm -f "$job/pid"
	boot_id
	echo "$boot" >"$job/boot_id"
}

# launch detaches the work from this connection. systemd's unit leaves the
# login's session, which logind may kill; it gets a file to run, since
# systemd-run would expand a dollar sign in a command. Only root may write where
# systemd is. Where the files have a root of their own without chroot, the
# machine's systemd is not theirs; and what only fetches may be killed and begun
# again, which spares the host half of the price of a start.
launch() {
	case $2 in *'mode prefetch'*) strict='' ;; *) strict=yes ;; esac
	if [ -n "$strict" ] && [ -w /run/systemd/system ] && command -v systemd-run >/dev/null &&
		[ "${APTFLEET_ROOT:-}" = "${APTFLEET_CHROOT:-}" ]; then
		systemd-run --quiet --unit="aptfleet-job-$1-$attempt" -p KillMode=process \
			--setenv="APTFLEET_ROOT=${APTFLEET_ROOT:-}" --setenv="APTFLEET_CHROOT=${APTFLEET_CHROOT:-}" \
			/bin/sh "$job/work" "$job" "$attempt" && return
	fi
	setsid -f /bin/sh "$job/work" "$job" "$attempt" </dev/null >/dev/null 2>&1
}

# sweep removes what is older than 30 days, and what plans left that were killed,
# once a day.
sweep() {
	swept=0
	[ ! -s "$base/swept" ] || read -r swept <"$base/swept"
	case $swept in *[!0-9]* | '') swept=0 ;; esac
	[ "$swept" -gt "$now" ] || [ $((now - swept)) -ge 86400 ] || return 0
	echo "$now" >"$base/swept"
	find "$base" -mindepth 1 -maxdepth 1 -name 'plan.*' -mmin +60 -exec rm -rf {} +
	find "$base/jobs" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +
	[ ! -d "$base/archives" ] || find "$base/archives" -type f -mtime +30 -delete
}

# proxy says which proxy apt is to use from its next run on: that of whoever
# follows the job now.
proxy() {
	[ -n "$1" ] || [ -f "$job/proxy" ] || return 0
	printf %s "$1" >"$job/proxy.new" && mv "$job/proxy.new" "$job/proxy"
}

[ -d "$base/jobs" ] || reason=$(mkdir -p "$base/jobs" 2>&1) || refuse failed "cannot make $base/jobs: $reason"
if ! lease "$2" "$3"; then
	[ -n "$holder" ] || refuse failed "cannot write $base/lease: $( (date >"$base/lease.new") 2>&1)"
	refuse leased "$until" "$holder"
fi
begun='' made=''
if [ "$attempt" -gt 1 ]; then
	! again || begun=yes
elif [ ! -d "$job" ] && make "$8" "$9"; then
	begun=yes made=yes
fi
[ -n "$made" ] || printf %s "$8" | cmp -s - "$job/spec" || refuse differs
proxy "${10}"
[ -z "$begun" ] || launch "$1" "$8"
[ -z "$made" ] || sweep
