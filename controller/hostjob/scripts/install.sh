# The installation itself: with our lists alone first, and with all where those
# are not enough.

# install runs it with the lists $1.
install() {
	if [ "$mode" = exact ]; then
		exact "$1"
	else
		phase install
		run_apt "$1"
	fi
}

# run_apt runs apt's command for what is asked, with the lists $1 and the
# options that follow.
run_apt() {
	where=$1
	shift
	# shellcheck disable=SC2086 # names and options without blanks, to be split
	case $mode in
	install) apt_get "$where" "$@" $allowed install $wanted ;;
	only-upgrade) apt_get "$where" "$@" $allowed --only-upgrade install $wanted ;;
	exact) apt_get "$where" "$@" $allowed install $picked ;;
	dist-upgrade) apt_get all "$@" $allowed dist-upgrade ;;
	esac
}

# too_narrow tells whether apt gave up, before it began, on something that other
# lists may have.
too_narrow() {
	said '^E: (Unable to locate package|Package .* has no installation candidate|Version .* was not found|Unable to correct problems|Unable to satisfy dependencies|Unmet dependencies|The package .* needs to be reinstalled)'
}

# offers_all tells whether the lists looked at offer every target whose version
# is left to them. What they don't know, apt would call the newest already.
offers_all() {
	for name in $open; do
		grep -q -x "offered $name" "$job/policy" || return 1
	done
}

# install_targets installs from our lists, and widens to all lists at most once.
install_targets() {
	width=ours
	[ "$refresh" != all ] && [ "$mode" != dist-upgrade ] || width=all
	policy "$width" >"$job/policy"
	if [ "$width" = all ] || offers_all; then
		install "$width" && return
		[ "$width" = ours ] && too_narrow || return
	fi
	note note "our source alone does not have all that is needed: used every source"
	[ "$refresh" = none ] || refresh all || return
	policy all >"$job/policy"
	install all
}
