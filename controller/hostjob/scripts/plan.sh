# Plans what a job with spec $1 would do, and does nothing but refresh the lists
# for it. $2 is apt's option of a proxy, or nothing; $3 the seconds that each call
# of apt may take.
set -u
umask 077
base=${APTFLEET_ROOT:-}/var/lib/aptfleet
exec 4>&1
job=$( (mkdir -p "$base" && mktemp -d "$base/plan.XXXXXX") 2>&1) || {
	echo "aptfleet-plan failed cannot write to $base: $job"
	exit 0
}
trap 'rm -rf "$job"' EXIT
find "$base" -mindepth 1 -maxdepth 1 -name 'plan.*' -mmin +60 -exec rm -rf {} +

# full refuses to plan on a disk that has no room for what is written here: apt
# does not notice when its own words are cut off.
full() {
	reason=$( (head -c 65536 /dev/zero >"$job/room") 2>&1) && return 1
	echo "aptfleet-plan failed cannot write to $job: $reason"
}

! full || exit 0
umask 022 # for apt's lists, which others read
: >"$job/log" && : >"$job/status" && : >"$job/simulated" && : >"$job/policy"
printf %s "$1" >"$job/spec"
printf %s "$2" >"$job/proxy"
limit=$3
exec </dev/null >>"$job/log" 2>&1

# install is here to simulate: what is refused in a job for want of permission
# must show itself in a plan.
install() {
	width=$1
	simulate "$width"
}

# explain has apt say in full why it would not.
explain() { ! said '^E: .*(held broken packages|Unable to)' || carry_out "$width" -s >>"$job/log"; }

# about prints all packages as "NAME|STATUS|VERSION|ARCHITECTURE|KIB", sorted.
about() {
	inside dpkg-query -W -f '${binary:Package}|${db:Status-Abbrev}|${Version}|${Architecture}|${Installed-Size}\n' |
		sed "s/^\([^|]*\):$native|/\1|/" | sort -t '|' -k 1,1
}

# named prints which of it was asked for.
named() {
	# shellcheck disable=SC2086 # names without blanks, to be split
	printf '%s\n' $names | sort -u | join -t '|' - "$job/about"
}

# touched prints the names of the packages that apt would change.
touched() { sed -n 's/^\(Inst\|Remv\|Purg\) \([^ ]*\).*/\2/p' "$job/simulated" | sort -u; }

# incoming prints NAME=VERSION of what apt would install.
incoming() { sed -n 's/^Inst \([^ ]*\)\( \[[^]]*\]\)\{0,1\} (\([^ ]*\) .*/\1=\3/p' "$job/simulated"; }

# sizes prints what the lists say of what apt would install.
sizes() {
	[ -s "$job/incoming" ] || return 0
	lists=$ours
	[ "$width" = ours ] && [ "$mode" != dist-upgrade ] || lists=
	incoming=$(cat "$job/incoming")
	# shellcheck disable=SC2086 # options and names without blanks, to be split
	inside apt-cache $only $lists show --no-all-versions $incoming |
		sed -n -e 's/^\(Package\|Version\|Architecture\|Size\|Installed-Size\): /offer &/p' -e 's/^$/offer/p'
}

# at_hand prints which of it needs no fetching.
at_hand() {
	while read -r package; do
		! archive "$package" "$archives" "$apt_archives" >/dev/null || echo "at-hand $package"
	done <"$job/incoming"
}

# section prints the names under heading $1 of what apt has to say to people, as
# lines with key $2.
section() {
	sed -n "/^$1:\$/,/^[^ ]/{/^ /p}" "$job/talk" | tr -s ' ' '\n' | sed -n "s/^./$2 &/p"
}

# left_alone prints what an upgrade of everything leaves as it is.
left_alone() {
	[ "$mode" = dist-upgrade ] || return 0
	carry_out all -s >"$job/talk"
	section 'The following packages have been kept back' kept
	section 'The following upgrades have been deferred due to phasing' deferred
}

# disk prints the space that is free, in KiB, for what is called $1 at path $2.
disk() {
	at=$2
	[ -d "$at" ] || at=${APTFLEET_ROOT:-}/
	df -k --output=avail,target "$at" | sed -n "2s/^ */disk $1 /p"
}

# report prints the plan.
report() {
	echo "aptfleet-plan $failed"
	echo "sources $width"
	sed 's/^/simulated /' "$job/simulated"
	touched >"$job/touched"
	incoming >"$job/incoming"
	about >"$job/about"
	join -t '|' "$job/touched" "$job/about" | sed 's/^/touched /'
	sed -n -e 's/^[^|]*|h/held &/p' -e 's/^[^|]*|.[UFHWt]/damaged &/p' -e 's/^[^|]*|..R/damaged &/p' "$job/about"
	named | sed 's/^/named /'
	marks | comm -12 - "$job/touched" | sed 's/^/auto /'
	sizes
	left_alone
	at_hand
	disk system "${APTFLEET_ROOT:-}/usr"
	disk archives "$base"
	holder
	sed -n 's/^aptfleet:note:/note /p' "$job/status"
	[ "$failed" = 0 ] || tail -n 60 "$job/log" | cut -c 1-500 | sed 's/^/log /'
	echo end
}

read_spec
lock_timeout=60 bounded="timeout -k 10 $limit" width=ours
allowed='--allow-downgrades --allow-change-held-packages'
code=0
mark=0
refresh "$refresh"
[ "$code" != 0 ] || install_targets
failed=$code
[ "$failed" = 0 ] || explain
report >"$job/report"
full >&4 || cat "$job/report" >&4
