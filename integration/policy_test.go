package integration

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// failing starts three light hosts that have shop 1.0, of which those named by
// their numbers will not take another one.
func failing(t *testing.T, numbers ...int) *fleet {
	t.Helper()
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 3, Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.publish(shop{version: "1.1"})
	for _, n := range numbers {
		f.put(f.host(n), faultFile, "[ \"$(cat \"$DPKG_ROOT/usr/share/shop/version\")\" != 1.1 ]\n")
	}
	return f
}

// has wants the hosts to have these versions of shop, in their order.
func (f *fleet) has(want ...string) {
	f.t.Helper()
	var got []string
	for _, h := range f.lab.Hosts() {
		got = append(got, f.version(h, "shop"))
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("the hosts have shop %q, want %q", got, want)
	}
}

// ends wants a command to end with a status and its rollout with verdicts.
func (f *fleet) ends(status int, verdicts []string, args ...string) {
	f.t.Helper()
	a := f.run(args...)
	if a.status != status {
		f.t.Errorf("want status %d: %s", status, a)
	}
	var got []string
	for _, h := range a.end(f.t).Hosts {
		got = append(got, h.Verdict)
	}
	if !slices.Equal(got, verdicts) {
		f.t.Errorf("%v: the hosts are %q, want %q", args, got, verdicts)
	}
}

func TestBudgetStops(t *testing.T) {
	f := failing(t, 1)
	f.ends(4, []string{"failed", "not started", "not started"},
		"rollout", "shop=1.1", "--to", group, "--yes", "--batches", "1,100%", "--max-failures", "0")
	f.has("", "1.0", "1.0")

	// Mended, the rest of it is done, and nothing twice.
	f.put(f.host(1), faultFile, "")
	f.ends(0, []string{"done", "done", "done"}, "retry", "R2")
	f.has("1.1", "1.1", "1.1")
}

func TestRetryTakesWhatFailed(t *testing.T) {
	f := failing(t, 1, 2)
	f.ends(3, []string{"failed", "failed", "done"}, "rollout", "shop=1.1", "--to", group, "--yes")
	for _, h := range f.lab.Hosts() {
		f.put(h, faultFile, "")
	}
	f.ends(3, []string{"failed", "done", "done"}, "retry", "R2", "--host", "web2")
	f.ends(0, []string{"done", "done", "done"}, "retry", "R2")
	f.has("1.1", "1.1", "1.1")
	if got := f.decisions("R2"); strings.Count(strings.Join(got, " "), "retried") != 2 || got[len(got)-1] != "finished" {
		t.Errorf("watch tells of %q, and not of both retries to their end", got)
	}
	if a := f.run("retry", "R2"); a.status != 0 || a.end(t).Summary["done"] != 3 {
		t.Errorf("with nothing left to retry: %s", a)
	}
}

func TestRollback(t *testing.T) {
	f := failing(t, 2)
	f.ends(3, []string{"done", "failed", "done"}, "rollout", "shop=1.1", "--to", group, "--yes")
	f.ends(5, []string{"returned", "returned", "returned"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0", "1.0")
}

func TestRollbackByItself(t *testing.T) {
	f := failing(t, 2)
	f.ends(5, []string{"returned", "returned", "not started"}, "rollout", "shop=1.1", "--to", group, "--yes",
		"--batches", "1", "--max-failures", "0", "--on-failure", "rollback")
	f.has("1.0", "1.0", "1.0")
}

// TestStuck rolls back where the old version's script fails on one host: that
// host is stuck, the others are back, and once it is mended the same command goes
// on there.
func TestStuck(t *testing.T) {
	f := failing(t)
	f.rollOut("shop=1.1")
	f.put(f.host(3), faultFile, "exit 1\n")
	f.ends(6, []string{"returned", "returned", "stuck"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0", "")
	f.put(f.host(3), faultFile, "")
	f.ends(5, []string{"returned", "returned", "returned"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0", "1.0")
}

// TestRollbackOfTwoAttempts: somebody took the package back by hand before the
// retry, so that either attempt has something of its own to be undone.
func TestRollbackOfTwoAttempts(t *testing.T) {
	f := failing(t, 1)
	f.publish(shop{name: "shop-lib", version: "3"}, shop{version: "1.2", depends: []string{"shop-lib"}})
	h := f.host(1)
	f.put(h, faultFile, "[ \"$(cat \"$DPKG_ROOT/usr/share/shop/version\")\" != 1.2 ]\n")
	f.ends(3, []string{"failed", "done", "done"}, "rollout", "shop=1.2", "--to", group, "--yes")
	f.exec(h, "apt-get", "-y", "-q", "--allow-downgrades", "install", "shop=1.0")
	if shop, lib := f.version(h, "shop"), f.version(h, "shop-lib"); shop != "1.0" || lib != "3" {
		t.Fatalf("by hand it has come to shop %q and shop-lib %q", shop, lib)
	}
	f.put(h, faultFile, "")
	f.ends(0, []string{"done", "done", "done"}, "retry", "R2")
	f.ends(5, []string{"returned", "returned", "returned"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0", "1.0")
	if lib := f.version(h, "shop-lib"); lib != "" {
		t.Errorf("shop-lib %s of the first attempt is still there", lib)
	}
}

// TestStuckBeforeRemoval is a way back on which the script of the new version,
// which has to make room first, fails on one host.
func TestStuckBeforeRemoval(t *testing.T) {
	f := failing(t)
	f.publish(shop{version: "1.2", prerm: "#!/bin/sh\n[ ! -e \"$DPKG_ROOT" + faultFile + "\" ]\n"})
	f.rollOut("shop=1.2")
	f.put(f.host(2), faultFile, "exit 1\n")
	f.ends(6, []string{"returned", "stuck", "returned"}, "rollback", "R2", "--yes")
	f.must(os.Remove(f.host(2).Path(faultFile)))
	f.ends(5, []string{"returned", "returned", "returned"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0", "1.0")
}

// TestRollbackOfWhatHangs: a host whose script hangs is lost to the way there, and
// so it is to the way back, for as long as apt is at work on it. It must not be
// called returned.
func TestRollbackOfWhatHangs(t *testing.T) {
	f := failing(t)
	f.appendTo("aptfleet.toml", "silence = \"15s\"\n")
	f.put(f.host(2), faultFile, waiting)
	f.ends(3, []string{"done", "unknown", "done"}, "rollout", "shop=1.1", "--to", group, "--yes")
	f.ends(3, []string{"returned", "unknown", "returned"}, "rollback", "R2", "--yes")
	f.has("1.0", "", "1.0")
	f.put(f.host(2), goFile, "")
	f.ends(5, []string{"returned", "returned", "returned"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0", "1.0")
}
