#!/bin/sh
# Installs what aptfleet is measured beside, on Debian, as root. Run again, it
# changes nothing.
set -eu
peers="pssh reprepro aptly apt-utils gnupg xz-utils e2fsprogs mount"
missing=
for package in $peers; do
	dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "peers.sh: as root: apt-get install$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # one word a package
apt-get -q install -y --no-install-recommends $missing ||
	{ apt-get -q update && apt-get -q install -y --no-install-recommends $missing; }
