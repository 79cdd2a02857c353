# apt's marks of packages that were installed for others' sake.

# marks prints the names of packages marked automatic, sorted; with ":arch" if
# of another architecture than the host's.
marks() {
	[ -f "${APTFLEET_ROOT:-}/var/lib/apt/extended_states" ] || return 0
	sed -n -e '/^Package: /{s///;h}' -e '/^Architecture: /{s//:/;H}' -e '/^Auto-Installed: 1$/{g;s/\n//;p}' \
		"${APTFLEET_ROOT:-}/var/lib/apt/extended_states" | sed "s/:$native\$//" | sort
}

# was_auto prints which of the packages in the result, as far as it is written,
# were marked before the job.
was_auto() {
	[ -s "$job/auto" ] || return 0
	sed -n "s/^[a-z]* \([^|]*\)|.*/\1/p" "$job/result.new" | sed "s/:$native\$//" | sort -u |
		comm -12 - "$job/auto" | sed 's/^/auto /'
}
