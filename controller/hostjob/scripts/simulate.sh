# What apt would do, without doing it.

# simulate writes what apt would do with the lists $1 to $job/simulated, in
# nothing but its lines for machines: hooks that chat with people are taken out.
simulate() {
	printf '#clear AptCli::Hooks::%s;\n' Install Upgrade >"$job/quiet.conf"
	within "$job/quiet.conf"
	run_apt "$1" -c "$inner" -qq -s >"$job/simulated"
}
