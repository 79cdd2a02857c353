# Packages that are kept on the host: below our own folder, which "apt-get
# clean" leaves alone, and in apt's cache as far as apt keeps them there.
archives=${APTFLEET_ROOT:-}/var/lib/aptfleet/archives
apt_archives=${APTFLEET_ROOT:-}/var/cache/apt/archives

# archive prints the path of the package NAME=VERSION $1 in the first of the
# folders that follow which has it.
archive() {
	name=${1%%=*}
	file=${name%%:*}_$(echo "${1#*=}" | sed 's/:/%3a/g')_
	shift
	case $name in
	*:*) architectures=${name##*:} ;;
	*) architectures="all $native" ;;
	esac
	for folder; do
		for architecture in $architectures; do
			[ ! -f "$folder/$file$architecture.deb" ] || {
				echo "$folder/$file$architecture.deb"
				return
			}
		done
	done
	return 1
}

# lacking prints which of the packages NAME=VERSION are not kept by us.
lacking() {
	for package; do
		archive "$package" "$archives" >/dev/null || printf '%s ' "$package"
	done
}
