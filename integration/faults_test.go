package integration

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// fault is what is wrong with one host, and what has to become of it.
type fault struct {
	name    string
	prepare func(*fleet, lab.Host)
	setting string                             // line of the host in the inventory
	during  func(*fleet, lab.Host)             // runs beside the rollout
	verdict string                             // "done" if the host gets over it
	cause   string                             // has to be in the host's cause
	note    string                             // has to be in one of its notes
	after   func(*testing.T, *fleet, lab.Host) // looks at the host
}

// faults are one for each host of TestFaults.
var faults = []fault{
	{name: "nothing", verdict: "done"},
	{
		name:    "refuses the connection",
		prepare: func(f *fleet, h lab.Host) { f.exec(h, "systemctl", "stop", "ssh.service") },
		verdict: "unreachable", cause: "connection refused",
	},
	{
		name: "hangs after it has accepted the connection",
		prepare: func(f *fleet, h lab.Host) {
			f.exec(h, "systemctl", "kill", "--kill-whom=main", "-s", "STOP", "ssh.service")
		},
		setting: `connect_timeout = "2s"`,
		verdict: "unreachable", cause: "no answer within 2s",
	},
	{
		name:    "shows another host key",
		prepare: func(f *fleet, h lab.Host) { f.must(h.ChangeHostKey(f.t.Context())) },
		verdict: "unreachable", cause: "host key",
	},
	{
		name: "has a login without sudo", setting: `user = "nosudo"`,
		verdict: "failed", cause: "a password is required",
	},
	{
		name: "has its lock held", during: holdLock,
		verdict: "done",
	},
	{
		name: "has an interrupted dpkg",
		prepare: func(f *fleet, h lab.Host) {
			f.exec(h, "apt-get", "-q", "update")
			f.exec(h, "sh", "-c", "cd /root && apt-get -q download shop=1.0 && dpkg --unpack ./shop_1.0_all.deb")
		},
		verdict: "done", note: "had to repair an interrupted dpkg: shop",
	},
	{
		name:    "has a full disk",
		prepare: func(f *fleet, h lab.Host) { f.must(h.FillDisk()) },
		verdict: "failed", cause: "No space left on device",
	},
	{
		name: "has too little disk for the package",
		prepare: func(f *fleet, h lab.Host) {
			f.must(h.FillDisk())
			f.must(os.Truncate(h.Path("/var/ballast"), size(f, h, "/var/ballast")-ballast))
		},
		verdict: "failed", cause: "there is too little space",
	},
	{
		name:    "has somebody else's broken source",
		prepare: func(f *fleet, h lab.Host) { f.put(h, "/etc/apt/sources.list.d/other.list", "this is no source\n") },
		verdict: "done",
	},
	{
		name:    "has a script that fails",
		prepare: func(f *fleet, h lab.Host) { f.put(h, faultFile, "echo no database >&2\nexit 3\n") },
		verdict: "failed", cause: "the post-installation script of shop failed with 3: no database",
	},
	{
		name:    "has a script that asks",
		prepare: func(f *fleet, h lab.Host) { f.put(h, faultFile, "echo 'Which database?'\nread answer || exit 4\n") },
		verdict: "failed", cause: "the post-installation script of shop failed with 4: Which database?",
	},
	{
		name:    "has a script that asks through debconf",
		prepare: func(f *fleet, h lab.Host) { f.put(h, faultFile, asking) },
		verdict: "done",
		after: func(t *testing.T, f *fleet, h lab.Host) {
			if answer := f.read(h, "/etc/shop-database"); answer != "main\n" {
				t.Errorf("debconf has answered %q", answer)
			}
		},
	},
	{
		name: "has an edited conffile",
		prepare: func(f *fleet, h lab.Host) {
			f.exec(h, "apt-get", "-q", "update")
			f.exec(h, "apt-get", "-q", "-y", "install", "shop=1.0")
			f.put(h, "/etc/shop.conf", "edited\n")
		},
		verdict: "done",
		after: func(t *testing.T, f *fleet, h lab.Host) {
			mine, theirs := f.read(h, "/etc/shop.conf"), f.read(h, "/etc/shop.conf.dpkg-dist")
			if mine != "edited\n" || theirs != "version = 2.0\n" {
				t.Errorf("the conffile is %q, and beside it lies %q", mine, theirs)
			}
		},
	},
}

// question is one that shop 2.0 may ask through debconf, and asking the script
// that does, as loudly as it can (debconf-devel(7)). Nobody being there, it gets
// the default.
const (
	question = "Template: shop/database\nType: string\nDefault: main\nDescription: Which database?\n"
	asking   = `. /usr/share/debconf/confmodule
db_fset shop/database seen false
db_input critical shop/database || true
db_go
db_get shop/database
echo "$RET" >/etc/shop-database
db_stop
`
)

// ballast is the size of shop 2.0, in bytes.
const ballast = 8 << 20

// TestFaults rolls out to hosts of which most have something wrong, each its
// own. Every one must end with the verdict that it deserves, in words that say
// what to do, and none must keep another from its new version.
func TestFaults(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: len(faults), Suites: []string{lab.Bookworm, lab.Trixie}, Disk: 96 << 20})
	f.publish(shop{version: "2.0", ballast: ballast, templates: question})
	inventory := f.lab.Inventory(group)
	for i, fault := range faults {
		if fault.prepare != nil {
			fault.prepare(f, f.host(i+1))
		}
		table := "\n[hosts.\"" + f.host(i+1).Name() + "\"]\n"
		inventory = strings.Replace(inventory, table, table+fault.setting+"\n", 1)
	}
	f.write("inventory.toml", inventory)

	ended := make(chan answer)
	go func() { ended <- f.run("rollout", "shop", "--suite", "stable", "--to", group, "--yes") }()
	for i, fault := range faults {
		if fault.during != nil {
			fault.during(f, f.host(i+1))
		}
	}
	a := <-ended
	if a.status != 3 {
		t.Errorf("the exit status is %d, want 3: %s", a.status, a.stderr)
	}
	end := a.end(t)
	for i, fault := range faults {
		t.Run(fault.name, func(t *testing.T) { fault.judge(t, f, f.host(i+1), end) })
	}
	if want := counts(); !maps.Equal(end.Summary, want) {
		t.Errorf("the summary is %v, want %v", end.Summary, want)
	}
}

// judge compares what became of a host with what had to.
func (fault fault) judge(t *testing.T, f *fleet, h lab.Host, end ended) {
	got := end.host(t, h.Name())
	if got.Verdict != fault.verdict || !strings.Contains(got.Cause, fault.cause) || (fault.cause == "") != (got.Cause == "") {
		t.Errorf("%s (%s) ended as %s because of %q, want %s and %q\n%s", h.Name(), h.Suite(), got.Verdict, got.Cause, fault.verdict, fault.cause, f.jobLog(h))
	}
	if !slices.ContainsFunc(got.Notes, func(note string) bool { return strings.Contains(note, fault.note) }) && fault.note != "" || fault.note == "" && len(got.Notes) > 0 && fault.verdict == "done" {
		t.Errorf("%s has the notes %q, want %q", h.Name(), got.Notes, fault.note)
	}
	want := ""
	if fault.verdict == "done" {
		want = "2.0"
	}
	if version := f.version(h, "shop"); version != want {
		t.Errorf("%s has shop %q, want %q", h.Name(), version, want)
	}
	if fault.after != nil {
		fault.after(t, f, h)
	}
}

// counts is the summary of a rollout that went as the faults say.
func counts() map[string]int {
	n := map[string]int{"done": 0, "failed": 0, "unreachable": 0, "unknown": 0, "returned": 0, "stuck": 0, "running": 0, "not_started": 0}
	for _, fault := range faults {
		n[fault.verdict]++
	}
	return n
}

// holdLock holds dpkg's lock until the job has said who does.
func holdLock(f *fleet, h lab.Host) {
	release, err := h.HoldDpkgLock()
	f.must(err)
	until(f.t, h.Name()+" names who holds the lock", func() bool {
		return strings.Contains(f.jobLog(h), "("+lab.LockHolder+")")
	})
	f.must(release())
}

func size(f *fleet, h lab.Host, name string) int64 {
	info, err := os.Stat(h.Path(name))
	f.must(err)
	return info.Size()
}
