package integration

import "strings"

// dependenciesConflict: two libraries that a package needs cannot be installed
// together. The plan says so in apt's words, a rollout fails by it, and nothing is
// touched; what can be had without one of them can still be rolled out.
func dependenciesConflict(f *fleet) {
	f.publish(shop{name: "clash-a", version: "1"}, shop{name: "clash-b", version: "1", breaks: []string{"clash-a"}},
		shop{name: "clash", version: "1", depends: []string{"clash-a", "clash-b"}})
	f.says(3, "plan clash --to "+group, "NO PLAN", "clash-b : Breaks: clash-a")
	f.says(4, "rollout clash --yes --max-failures 0 --to "+group, "NO PLAN", "clash-b : Breaks: clash-a")
	for _, name := range []string{"clash", "clash-a", "clash-b"} {
		f.have(name, f.everywhere("", nil)...)
	}
	for _, h := range f.lab.Hosts() {
		if audit := f.exec(h, "dpkg", "--audit"); audit != "" {
			f.t.Errorf("%s is left with %s", h.Name(), audit)
		}
		f.exec(h, "apt-get", "-qq", "check")
	}
	f.says(0, "rollout clash-a --yes --to "+group)
	f.have("clash-a", f.everywhere("1", nil)...)
}

// holdByName: a package that one host holds is changed by whoever names it, and is
// on hold there afterwards too.
func holdByName(f *fleet) {
	f.publish(shop{name: "still", version: "1"}, shop{name: "still", version: "2"})
	f.says(0, "rollout still=1 --yes --to "+group)
	f.exec(f.host(2), "apt-mark", "hold", "still")
	f.refusedAt("rollout still --yes --to "+group, "still", "on hold", "--allow-held still allows")
	f.have("still", f.everywhere("1", nil)...)
	f.says(0, "rollout still --yes --allow-held still --to "+group, "ON HOLD  still")
	f.have("still", f.everywhere("2", nil)...)
	if held := strings.TrimSpace(f.exec(f.host(2), "apt-mark", "showhold")); held != "still" {
		f.t.Errorf("web2 has %q on hold, want still", held)
	}
}

// removalByName: a package that makes another one go is installed by whoever names
// that one.
func removalByName(f *fleet) {
	f.publish(shop{name: "rival", version: "1"}, shop{name: "winner", version: "1", breaks: []string{"rival"}})
	f.now(f.host(3), "rival")
	f.refusedAt("rollout winner --yes --to "+group, "rival", "--allow-remove rival allows")
	f.refusedAt("rollout winner --yes --allow-remove winner --to "+group, "--allow-remove rival allows")
	f.have("winner", f.everywhere("", nil)...)
	f.have("rival", f.everywhere("", map[int]string{3: "1"})...)
	f.says(0, "rollout winner --yes --allow-remove rival --to "+group, "1 host: web3\n  rival 1 (removed)\n  winner 1 (new)\n")
	f.have("winner", f.everywhere("1", nil)...)
	f.have("rival", f.everywhere("", nil)...)
}

// refusedAt wants a rollout to be refused with all these words, and no word of it
// in the journal.
func (f *fleet) refusedAt(line string, words ...string) {
	f.t.Helper()
	journaled := func() int { return len(lines[struct{}](f.t, "history", f.do("history").stdout)) }
	before := journaled()
	f.says(1, line, append(words, "nothing was done")...)
	if after := journaled(); after != before {
		f.t.Errorf("aptfleet %s was refused, and the journal has %d rollouts after it, %d before", line, after, before)
	}
}

// backWithoutRepository: two upgrades are taken back once the old version has left
// the repository, and once its server is down. What came with the new version goes.
func backWithoutRepository(f *fleet) {
	f.publish(shop{name: "gone", version: "1"}, shop{name: "down", version: "1"})
	f.says(0, "rollout gone down --yes --to "+group)
	f.publish(shop{name: "new-lib", version: "1"},
		shop{name: "gone", version: "2", depends: []string{"new-lib"}}, shop{name: "down", version: "2", depends: []string{"new-lib"}})

	f.back("gone", func() { f.withdraw("gone=1") })
	f.back("down", func() { f.must(f.server.Close()) })
}

// back upgrades a package from 1 to 2, and takes that back after something happened.
func (f *fleet) back(name string, happen func()) {
	f.t.Helper()
	f.says(0, "rollout "+name+" --yes --to "+group)
	f.have(name, f.everywhere("2", nil)...)
	f.have("new-lib", f.everywhere("1", nil)...)
	for _, h := range f.lab.Hosts() {
		f.exec(h, "apt-get", "clean")
	}
	happen()
	f.says(5, "rollback "+f.newest()+" --yes")
	f.have(name, f.everywhere("1", nil)...)
	f.have("new-lib", f.everywhere("", nil)...)
}
