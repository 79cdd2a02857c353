# What a job has done: compared in one go, when it has ended.

# compare prints what the job changed, of what stayed the same the targets and
# what is damaged, and which of all these were marked automatic before. It writes
# to $job/todo what is left to be put right: holds that apt took off what it was
# allowed to change, and after an exact job marks of packages that are not as they
# were, or as they are to be, unless somebody asks for them by name now.
compare() {
	marking='' states=/dev/null
	if [ "$mode" = exact ] && [ "$code" = 0 ]; then
		know_marks
		marking=yes
	fi
	true >"$job/todo"
	awk -v native="$native" -v damage="$damage" -v todo="$job/todo" -v targets="$names" \
		-v wanted="$wanted" -v automatic="$auto" -v manual="$manual" -v marking="$marking" "$reading"'
		function listed(text, set) { for (n = split(text, word, " "); n; n--) set[word[n]] }
		function tell(key, name, line) { print key, line; told[own(name)] }
		BEGIN { listed(targets, target); listed(automatic, to_mark); listed(manual, asked_for) }
		part == "auto" { auto[$0]; next }
		{ line = $1 "|" $2 "|" $3; bare = $1; sub(/:.*/, "", bare) }
		part == "before" { was[$1] = line; if ($2 ~ /^h/) held[$1]; next }
		$1 in held && $2 !~ /^(h|.[nc])/ { print "hold", $1 >todo }
		!($1 in was) || was[$1] != line { tell("after", $1, line); next }
		{ delete was[$1]; if (line ~ damage || $1 in target || bare in target) tell("same", $1, line) }
		END {
			for (name in was) tell("before", name, was[name])
			for (name in told) if (name in auto) print "auto", name
			if (!marking) exit
			for (n = split(wanted, word, " "); n; n--) {
				name = word[n]
				if (!sub(/=.*/, "", name)) continue
				mark = (name in auto || name in to_mark) && !(name in asked_for)
				if (mark != (name in marked)) print mark ? "auto" : "manual", name >todo
			}
		}' part=auto "$job/auto" part=before FS='|' "$job/before" part=after "$job/after" \
		part=marks FS=': ' "$states"
}

# put_right does what compare found is left to do.
put_right() {
	hold='' to_auto='' to_manual=''
	while read -r what name; do
		case $what in
		hold) hold="$hold$name hold
" ;;
		auto) to_auto="$to_auto $name" ;;
		manual) to_manual="$to_manual $name" ;;
		esac
	done <"$job/todo"
	[ -z "$hold" ] || printf %s "$hold" | inside dpkg --set-selections || note note "could not put packages on hold again that were before"
	mark_as auto "$to_auto"
	mark_as manual "$to_manual"
}

mark_as() {
	[ -n "$2" ] || return 0
	# shellcheck disable=SC2086
	inside apt-mark $only $ours "$1" $2 || note note "could not mark as $1: $2"
}

# report writes the result.
report() {
	list >"$job/after"
	{
		echo "exit $code"
		echo "native $native"
		[ "$stale" = 0 ] || echo stale
		[ ! -s "$job/policy" ] || cat "$job/policy"
		left
		[ ! -s "$job/refused" ] || sed 's/^/refused /' "$job/refused"
		! damaged >/dev/null || inside dpkg --audit | head -c 4096 | sed 's/^/audit /'
		compare && echo end
	} >"$job/result" 2>/dev/null
}
