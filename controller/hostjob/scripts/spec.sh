# What is asked, and the surroundings in which apt does it: no terminal, no
# language, nobody to ask.
export LC_ALL=C DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical NEEDRESTART_SUSPEND=1 \
	APT_LISTCHANGES_FRONTEND=none APT_LISTBUGS_FRONTEND=none HOME=/root PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
unset LANGUAGE

mode='' refresh='' lock_timeout=0 allowed='' wanted='' names='' open=''
outgoing='' auto='' manual='' picked='' archive_limit=0
export archive_limit # not every script that reads it uses it
apt_conffiles='' dpkg_conffiles=''

phase() { note phase "$1"; }

# read_mode sets $mode, for those who do not need the rest yet.
read_mode() { { read -r _ && read -r _ mode; } <"$job/spec"; }

# read_spec reads the job's spec. dpkg names some packages by the host's own
# architecture too, apt never does: changes are compared in apt's names.
read_spec() {
	while read -r key value; do
		[ "$mode" != exact ] || case $value in
		*":$native="*) value=${value%%":$native="*}=${value#*=} ;;
		*":$native") value=${value%":$native"} ;;
		esac
		ask "$key" "$value"
	done <"$job/spec"
}

# ask takes one line of the spec.
ask() {
	case $1 in
	mode) mode=$2 ;;
	refresh) refresh=$2 ;;
	lock-timeout) lock_timeout=$2 ;;
	allow-downgrades) allowed="$allowed --allow-downgrades" ;;
	allow-held) allowed="$allowed --allow-change-held-packages" ;;
	conffile-option)
		dpkg_conffiles="$dpkg_conffiles --force-$2"
		apt_conffiles="$apt_conffiles -o Dpkg::Options::=--force-$2"
		;;
	package)
		wanted="$wanted $2" names="$names ${2%%=*}"
		case $2 in *=*) ;; *) open="$open $2" ;; esac
		;;
	outgoing) outgoing="$outgoing $2" ;;
	auto) auto="$auto $2" ;;
	manual) manual="$manual $2" ;;
	archive-limit) archive_limit=$2 ;;
	absent) wanted="$wanted $2-" names="$names $2" ;;
	esac
}
