// Package simhost plays thousands of SSH hosts in one process, for tests and
// measurements of what talks to many hosts at once.
//
// Every host has an address of its own in 127/8, speaks real SSH, and answers
// commands by a [Script] instead of running them. Round trips, faults of a
// share of the hosts and the limits of a real sshd can be added:
//
//	fleet, err := simhost.Start(simhost.Options{
//		Hosts: 1000, RTT: 10 * time.Millisecond,
//		Fault: simhost.Shares{{simhost.Mute, 0.01}, {simhost.Lock, 0.05}}.Of,
//	})
//	files, err := fleet.WriteFiles(dir) // identity, known_hosts, inventory
//
// All keys follow from Options.Seed, so that a second process with the same
// seed plays the same hosts; nothing here is secret.
//
// It differs from a real sshd: a command's signals are honoured for root too, a
// command ends with its connection, and there is no pty, no sftp, no
// remote forwarding and no file. Hosts that run real commands are in package lab.
package simhost
