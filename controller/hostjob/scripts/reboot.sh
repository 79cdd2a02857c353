# Restarts the host for $1, once, if what is installed asks for it; with $2 "look"
# it only tells how that stands. A restart that was ordered leaves $base/$1 with
# the boot id from before: in that boot it may be ordered again, which changes
# nothing, and in the next one it is done.
set -u
umask 022
base=${APTFLEET_ROOT:-}/var/lib/aptfleet/reboots
again=
boot_id

say() {
	echo "aptfleet-reboot $*"
	exit 0
}

fail() {
	echo "$*" >&2
	exit 1
}

# flavour prints what follows the version in the release of a kernel: amd64,
# rt-amd64.
flavour() { echo "$1" | sed -n 's/^[0-9.]*-[0-9]*-//p'; }

# releases prints those of the installed kernels that are of flavour $1.
releases() {
	for image in "${APTFLEET_ROOT:-}"/boot/vmlinuz-*; do
		release=${image##*/vmlinuz-}
		[ "$(flavour "$release")" != "$1" ] || echo "$release"
	done
}

# newer prints the newest installed kernel of the flavour that runs, if that is
# newer than the one that runs.
newer() {
	runs=$(uname -r)
	kind=$(flavour "$runs")
	[ -n "$kind" ] || return 0
	newest=$( (echo "$runs" && releases "$kind") | sort -V | tail -n 1)
	[ "$newest" = "$runs" ] || echo "$newest"
}

# reason prints what asks for a restart, in words.
reason() {
	flag=${APTFLEET_ROOT:-}/run/reboot-required
	if [ -e "$flag" ]; then
		packages=$(sort -u "$flag.pkgs" 2>/dev/null | tr '\n' ' ')
		echo "${packages:-/run/reboot-required}"
		return
	fi
	kernel=$(newer)
	[ -z "$kernel" ] || echo "kernel $kernel"
}

# starting reports whether systemd is still at it.
starting() {
	case $(systemctl is-system-running 2>/dev/null) in
	initializing | starting) ;;
	*) return 1 ;;
	esac
}

if [ -s "$base/$1" ]; then
	read -r before why <"$base/$1"
	[ "$before" = "$boot" ] || ! starting || say starting "$why"
	[ "$before" = "$boot" ] || say back "$why"
	[ "$2" = order ] || say ordered "$why"
	again=1
else
	[ -z "${APTFLEET_CHROOT:-}" ] || say needless
	[ "$2" = order ] || say absent
	why=$(reason)
	[ -n "$why" ] || say needless
fi
held=$(holder 2>/dev/null)
[ -z "$held" ] || say busy "${held#lock }"
if ! mkdir -p "$base" || ! echo "$boot $why" >"$base/$1.new" || ! mv "$base/$1.new" "$base/$1"; then
	fail "cannot write $base/$1"
fi
find "$base" -type f -mtime +30 -exec rm -f {} +
# A host that goes down already takes no further order: its systemd hears nobody any more.
systemctl --no-block reboot >/dev/null 2>&1 || said=$(reboot 2>&1) || [ -n "$again" ] || {
	rm -f "$base/$1"
	fail "$said"
}
say ordered "$why"
