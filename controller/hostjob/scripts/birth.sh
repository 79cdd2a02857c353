# birth sets $birth to when process $1 was started, in ticks since boot, or to
# nothing: a pid alone may have been given to another process since. A zombie has
# ended.
birth() {
	birth=''
	read -r stat 2>/dev/null <"/proc/$1/stat" || return
	stat=${stat##*") "} # the program's name, which comes before, may hold anything
	# shellcheck disable=SC2086 # split into its fields
	set -- $stat
	case $1 in [ZX]) ;; *) birth=${20} ;; esac
}
