# What our awk programs have in common.

# reading has names as apt has them, and its marks of packages that were installed
# for others' sake.
reading='
	function own(name) { sub(":" native "$", "", name); return name }
	part == "marks" && $1 == "Package" { marked_name = $2 }
	part == "marks" && $1 == "Architecture" { marked_arch = $2 }
	part == "marks" && /^Auto-Installed: 1$/ { marked[own(marked_name ":" marked_arch)] }
	part == "marks" { next }'

# know_marks sets $states to the file that has apt's marks.
know_marks() {
	states=${APTFLEET_ROOT:-}/var/lib/apt/extended_states
	[ -f "$states" ] || states=/dev/null
}
