# What became of the job in folder $job.

# judge sets $state to absent, running, ended, rebooted or died, and $pid to the
# process that runs the job.
judge() {
	state=absent pid='' born=''
	[ -d "$job" ] || return 0
	state=ended
	[ ! -s "$job/rc" ] || return 0
	[ ! -s "$job/pid" ] || read -r pid born <"$job/pid"
	state=running
	[ -z "$pid" ] || { birth "$pid"; [ "$birth" != "$born" ]; } || return 0
	state=ended # between the two looks
	[ ! -s "$job/rc" ] || return 0
	state=rebooted
	read -r began <"$job/boot_id" || began=
	boot_id
	[ "$began" = "$boot" ] || return 0
	state=died
}

# settled is judge for a job that may only just have been started and have no
# process yet.
settled() {
	judge
	tries=0
	while [ "$state" = died ] && [ -z "$pid" ] && [ "$tries" -lt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
		judge
	done
}
