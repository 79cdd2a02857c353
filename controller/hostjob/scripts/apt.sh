# How the work calls apt and dpkg. Sets $code to the exit status of the last
# call, and $mark to where in the log its output begins.
#
# A program that a host starts costs it as much as a page of shell, and so does
# every subshell. So functions that others would write to print a value set a
# variable instead.

# ours keeps apt to our source and out of its caches: 8 times less work for the
# host, and the caches that other users of apt want stay as they are.
ours='-o Dir::Etc::sourcelist=sources.list.d/aptfleet.sources -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache='

# only names the host's architecture to apt where dpkg has no other. Else every
# run of apt starts dpkg to ask for them, and so do five of the programs that
# check the signature of a list.
only=''

# native_only sets $only.
native_only() {
	first='' foreign=${APTFLEET_ROOT:-}/var/lib/dpkg/arch
	[ ! -s "$foreign" ] || { read -r first && ! read -r _; } <"$foreign" || return 0
	[ "${first:-$native}" != "$native" ] || only="-o APT::Architectures::=$native"
}

# know_native sets $native to the host's own architecture.
know_native() {
	native=$(instead dpkg --print-architecture)
	native_only
}

# bounded is put before apt-get where it may take only so long, and here is the
# folder in which it runs, if that matters.
bounded='' here=''

# within sets $inner to the path of file $1 as what runs inside sees it.
within() { inner=${1#"${APTFLEET_CHROOT:-}"}; }

# inside runs a command in the host's root, and instead does so in place of a
# subshell. What a package leaves running must not keep the lock that says we
# live.
inside() { ${APTFLEET_CHROOT:+chroot "$APTFLEET_CHROOT"} "$@" 9>&-; }
instead() { exec ${APTFLEET_CHROOT:+chroot "$APTFLEET_CHROOT"} "$@" 9>&-; }

# note tells the controller something in the status file, in apt's own form.
note() { echo "aptfleet:$1:$2" >>"$job/status"; }

# remark sets $mark to how far the log has been written, by the kernel's account
# of the file that is our standard error (proc(5)).
remark() { read -r _ mark </proc/self/fdinfo/2; }

# said tells whether the last call printed a line with one of the extended
# expressions in it.
said() { tail -c +$((mark + 1)) "$job/log" | grep -q -E -e "$1"; }

# apt_get runs apt-get with the sources $1 (ours or all). It never has a
# terminal to ask on; what it has to say goes to the log and, for machines, to
# the status file. Its own pty for dpkg stays: without it a maintainer script
# that outlives apt may die at its first word. What its planner would keep for
# bug reports, packed by xz, costs as much as a simulation.
#
# apt waits for dpkg's locks, but neither for that of its lists nor for that of
# its archives.
apt_get() {
	uptime
	deadline=$((up + lock_timeout))
	until apt_once "$@"; do
		said '^E: Could not get lock' && uptime && [ "$up" -lt "$deadline" ] || break
		sleep 1
	done
	return "$code"
}

# uptime sets $up to seconds by a clock that nobody sets.
uptime() { read -r up </proc/uptime && up=${up%%.*}; }

# sources sets $lists to the options for the sources $1.
sources() { case $1 in all) lists='' ;; *) lists=$ours ;; esac }

apt_once() {
	remark
	sources "$1"
	shift
	[ ! -s "$job/proxy" ] || { read -r proxy; lists="$lists -o $proxy"; } <"$job/proxy"
	# shellcheck disable=SC2086 # options without blanks, to be split
	inside $bounded ${here:+env -C "$here"} apt-get $only $lists -q -y -o APT::Status-Fd=3 -o "DPkg::Lock::Timeout=$lock_timeout" \
		-o Acquire::Retries=0 -o Dir::Log::Planner= $apt_conffiles "$@" </dev/null 3>>"$job/status"
	code=$?
	return "$code"
}

# dpkg_alone runs dpkg without apt, and waits for its lock as apt does: whoever
# is left over from a killed apt holds it until it has ended.
dpkg_alone() {
	uptime
	deadline=$((up + lock_timeout))
	while :; do
		remark
		# shellcheck disable=SC2086 # options without blanks, to be split
		inside dpkg $dpkg_conffiles "$@" </dev/null
		code=$?
		said 'lock (was|is) locked by another process' || return "$code"
		held "dpkg's lock"
		uptime
		[ "$up" -lt "$deadline" ] || return "$code"
		sleep 1
	done
}

# held names in the log, in apt's words, who holds the lock that the last call
# did not get.
held() {
	pid=$(tail -c +$((mark + 1)) "$job/log" | sed -n 's/.*by another process with pid \([0-9]*\).*/\1/p' | head -n 1)
	[ -n "$pid" ] && read -r name 2>/dev/null <"/proc/$pid/comm" || return 0
	echo "Waiting for cache lock: Could not get lock $1. It is held by process $pid ($name)..."
}
