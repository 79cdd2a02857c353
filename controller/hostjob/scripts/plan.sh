# Plans what a job with spec $1 would do, and does nothing but refresh the lists
# for it. $2 is apt's option of a proxy, or nothing; $3 the seconds that each call
# of apt may take.
set -u
umask 077
base=${APTFLEET_ROOT:-}/var/lib/aptfleet
exec 4>&1

# make makes the folder that all is written to, and $job its name.
make() {
	[ -d "$base" ] || mkdir -p "$base" || return
	job=$base/plan.$$
	[ ! -e "$job" ] || rm -rf "$job"
	mkdir "$job"
}

# full refuses to plan on a disk that has no room for what is written here: apt
# does not notice when its own words are cut off.
full() {
	printf %065536d 0 >"$job/room" 2>/dev/null && true >"$job/room" && return 1
	reason=$( (head -c 65536 /dev/zero >"$job/room") 2>&1)
	echo "aptfleet-plan failed cannot write to $job: $reason"
}

if ! make 2>/dev/null; then
	reason=$(make 2>&1)
	echo "aptfleet-plan failed cannot write to $base: $reason"
	exit 0
fi
trap 'rm -rf "$job"' EXIT
! full || exit 0
umask 022 # for apt's lists, which others read
for file in log status simulated policy incoming; do true >"$job/$file"; done
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
explain() { ! said '^E: .*(held broken packages|Unable to)' || run_apt "$width" -s >>"$job/log"; }

# changes prints what apt would do and to what, the packages that were asked for,
# those on hold and those that dpkg has not finished with, as
# "NAME|STATUS|VERSION|ARCHITECTURE|KIB"; which of them are marked automatic; what
# people should know; and the space that is free. It writes NAME=VERSION of what
# would be installed to $job/incoming.
changes() {
	know_marks
	awk -v native="$native" -v targets="$names" -v incoming="$job/incoming" "$reading"'
		BEGIN { for (n = split(targets, word, " "); n; n--) target[word[n]] }
		part == "status" { if (sub(/^aptfleet:note:/, "")) print "note", $0; next }
		part == "disks" && FNR > 1 { kib = $1; sub(/^ *[^ ]+ +/, ""); print "disk", FNR == 2 ? "system" : "archives", kib, $0 }
		part == "disks" { next }
		part == "simulated" { print "simulated", $0 }
		part == "simulated" && $1 ~ /^(Inst|Remv|Purg)$/ { touched[$2] }
		part == "simulated" && $1 == "Inst" && match($0, /[(][^ ]*/) { print $2 "=" substr($0, RSTART + 1, RLENGTH - 1) >incoming }
		part != "packages" { next }
		{ name = own($1); line = name substr($0, length($1) + 1) }
		name in touched { print "touched", line }
		name in target { print "named", line }
		$2 ~ /^h/ { print "held", line }
		$2 ~ /^(.[UFHWt]|..R)/ { print "damaged", line }
		END { for (name in touched) if (name in marked) print "auto", name }
	' part=status "$job/status" part=disks "$job/disks" part=simulated "$job/simulated" \
		part=packages FS='|' "$job/packages" part=marks FS=': ' "$states"
}

# at_hand prints which of what would be installed needs no fetching, and sets
# $incoming to all of it.
at_hand() {
	incoming=''
	while read -r package; do
		incoming="$incoming $package"
		! archive "$package" "$archives" "$apt_archives" || echo "at-hand $package"
	done <"$job/incoming"
}

# sizes prints what the lists say of it.
sizes() {
	[ -n "$incoming" ] || return 0
	sources "$width"
	[ "$mode" != dist-upgrade ] || sources all
	# shellcheck disable=SC2086 # options and names without blanks, to be split
	inside apt-cache $only $lists show --no-all-versions $incoming |
		sed -n -e 's/^\(Package\|Version\|Architecture\|Size\|Installed-Size\): /offer &/p' -e 's/^$/offer/p'
}

# section prints what is under heading $1 of the talk $2, as lines with key $3:
# "NAME (OLD => NEW)" each.
section() { sed -n "/^$1:\$/,/^[^ ]/s/^  */$3 /p" "$2"; }

kept_back='The following packages have been kept back'

# talk writes to file $1 what an upgrade of everything says to people, with the
# options that follow. It puts packages into groups in no other form.
talk() {
	file=$1
	shift
	run_apt all -s -V "$@" >"$file"
}

# phased tells whether some of what is kept back may be so for its turn, which
# apt 2.6 does not say.
phased() {
	waiting=$(section "$kept_back" "$job/talk" x | sed 's/^x \([^ ]*\) .* => \(.*\))$/\1=\2/')
	# shellcheck disable=SC2086 # names and versions without blanks, to be split
	[ -n "$waiting" ] && inside apt-cache $only show --no-all-versions $waiting | grep -q '^Phased-Update-Percentage: '
}

# left_alone prints what an upgrade of everything leaves as it is. What it would
# not leave if nothing were phased waits for its turn.
left_alone() {
	[ "$mode" = dist-upgrade ] || return 0
	section 'The following upgrades have been deferred due to phasing' "$job/talk" deferred
	[ -s "$job/unphased" ] || cp "$job/talk" "$job/unphased"
	section "$kept_back" "$job/unphased" kept | sort >"$job/kept"
	cat "$job/kept"
	section "$kept_back" "$job/talk" kept | sort | comm -13 "$job/kept" - | sed 's/^kept/deferred/'
}

# gather writes what the report is made of, but for the simulation: what is
# installed, what an upgrade says to people, and the space that is free, in KiB,
# where packages are installed and where they are kept.
gather() {
	look
	list >"$job/packages"
	if [ "$mode" = dist-upgrade ]; then
		talk "$job/talk"
		! phased || talk "$job/unphased" -o APT::Get::Never-Include-Phased-Updates=false -o APT::Get::Always-Include-Phased-Updates=true
	fi
	system=${APTFLEET_ROOT:-}/usr
	[ -d "$system" ] || system=${APTFLEET_ROOT:-}/
	df -k --output=avail,target "$system" "$base" >"$job/disks"
}

# report prints the plan.
report() {
	echo "aptfleet-plan $failed"
	echo "sources $width"
	changes
	at_hand
	sizes
	left_alone
	holder
	[ "$failed" = 0 ] || tail -n 60 "$job/log" | cut -c 1-500 | sed 's/^/log /'
	echo end
}

know_native
read_mode
read_spec
lock_timeout=60 bounded="timeout -k 10 $limit" width=ours
allowed='--allow-downgrades --allow-change-held-packages'
code=0
mark=0
refresh "$refresh"
[ "$code" != 0 ] || install_targets
failed=$code
[ "$failed" = 0 ] || explain
gather
full >&4 || report >&4
