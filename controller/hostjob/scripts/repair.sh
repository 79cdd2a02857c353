# Mending a dpkg that was interrupted: by a reboot, a full disk, or a kill.

# interrupted tells whether dpkg stopped half way. Only when the job begins does
# a package that is half configured count too: later it is a script's answer.
interrupted() {
	for update in "${APTFLEET_ROOT:-}"/var/lib/dpkg/updates/*; do
		[ ! -e "$update" ] || return 0
	done
	"$1" >/dev/null
}

# repair waits for what is left over of the interrupted run, lets dpkg finish
# it, and brings back the packages that must be unpacked again.
repair() {
	surveyed=''
	note note "had to repair an interrupted dpkg: $(damaged | cut -d '|' -f 1 | tr '\n' ' ')"
	dpkg_alone --configure -a
	look
	list | grep '^[^|]*|..R' | while IFS='|' read -r name _ version _; do
		reinstall "$name" "$version"
	done
	look
	damaged >/dev/null || return 0
	dpkg_alone --configure -a
}

# reinstall unpacks a package again that dpkg was killed upon: from the archive
# that we or apt kept, else from the lists. What is asked for anyway is left to the
# installation, which brings the right version at once.
reinstall() {
	if archive "${1%":$native"}=$2" "$archives" "$apt_archives"; then
		within "$path"
		dpkg_alone -i "$inner"
		return
	fi
	! is_target "$1" || return 0
	apt_get ours --reinstall install "$1=$2" || apt_get all --reinstall install "$1=$2" || apt_get all install "$1"
}
