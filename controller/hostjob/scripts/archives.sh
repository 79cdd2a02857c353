# Packages that are kept on the host: below our own folder, which "apt-get
# clean" leaves alone, and in apt's cache as far as apt keeps them there.
archives=${APTFLEET_ROOT:-}/var/lib/aptfleet/archives
apt_archives=${APTFLEET_ROOT:-}/var/cache/apt/archives

# archive sets $path to that of the package NAME=VERSION $1 in the first of the
# folders that follow which has it.
archive() {
	name=${1%%=*} version=${1#*=}
	shift
	while :; do
		case $version in
		*:*) version=${version%%:*}%3a${version#*:} ;;
		*) break ;;
		esac
	done
	case $name in
	*:*) architectures=${name##*:} ;;
	*) architectures="all $native" ;;
	esac
	for folder; do
		for architecture in $architectures; do
			path=$folder/${name%%:*}_${version}_$architecture.deb
			[ ! -f "$path" ] || return 0
		done
	done
	return 1
}

# lacking sets $need to those of the packages NAME=VERSION that are not kept by us.
lacking() {
	need=''
	for package; do
		archive "$package" "$archives" || need="$need $package"
	done
}
