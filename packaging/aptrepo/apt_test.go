package aptrepo

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/packaging/sign"
)

// TestApt lets a host follow a repository through its life.
func TestApt(t *testing.T) {
	f, h := newFixture(t), newAptHost(t)
	h.source(f, "stable")
	h.update() // an empty suite is a good one

	f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", "Depends: docs\n"), writeDeb(t, "docs", "1:2.0~rc1", "all", ""), writeDeb(t, "app", "2.0", "amd64", ""))
	promote := func(name, version string) {
		t.Helper()
		if err := f.Promote(t.Context(), name, version, "nightly", "stable"); err != nil {
			t.Fatal(err)
		}
		h.update()
	}
	promote("docs", "1:2.0~rc1")
	promote("app", "1.0")
	h.must("apt-get", "-y", "install", "app")
	if a, d := h.installed("app"), h.installed("docs"); a != "1.0" || d != "1:2.0~rc1" {
		t.Fatalf("installed are app %q, docs %q", a, d)
	}
	promote("app", "2.0")
	h.must("apt-get", "-y", "upgrade")
	if got := h.installed("app"); got != "2.0" {
		t.Errorf("after the upgrade, app is %q", got)
	}
	h.must("apt-get", "-y", "--allow-downgrades", "install", "app=1.0")
	if got := h.installed("app"); got != "1.0" {
		t.Errorf("after going back, app is %q", got)
	}
	// Switched back, the suite no longer offers 2.0.
	if err := f.Remove(t.Context(), "stable", "app", "2.0"); err != nil {
		t.Fatal(err)
	}
	h.update()
	if out := h.must("apt-cache", "policy", "app"); !strings.Contains(out, "Candidate: 1.0") {
		t.Errorf("apt-cache policy app: %s", out)
	}
}

// TestAptZeroEpoch: dpkg forgets an epoch of zero, which nfpm writes where its file
// says "epoch: 0". What a host says that it has must be a version of the suite.
func TestAptZeroEpoch(t *testing.T) {
	f, h := newFixture(t), newAptHost(t)
	h.source(f, "stable")
	f.publish("stable", writeDeb(t, "app", "0:1.0", "amd64", ""), writeDeb(t, "app", "2.0", "amd64", ""), writeDeb(t, "docs", "01:1.0", "all", ""))
	f.verify()
	if got, want := f.has("stable"), "app_1.0_amd64 app_2.0_amd64 docs_1:1.0_all"; got != want {
		t.Errorf("the suite has %s, want %s", got, want)
	}
	h.update()
	h.must("apt-get", "-y", "install", "app=1.0", "docs")
	for _, name := range []string{"app", "docs"} {
		h.must("apt-get", "-y", "install", "--reinstall", name+"="+h.installed(name))
	}
	if _, err := f.Publish(t.Context(), "nightly", writeDeb(t, "app", "1.0", "amd64", "")); !errors.Is(err, ErrConflict) {
		t.Errorf("1.0 beside 0:1.0: %v, want a conflict", err)
	}
}

// TestAptReadsChunks: many gzip members, and what was spliced of them.
func TestAptReadsChunks(t *testing.T) {
	f, h := newFixture(t), newAptHost(t)
	h.source(f, "nightly")
	fill := "X-Fill: " + strings.Repeat("abcdefghij", 100) + "\n"
	var debs []string
	for i := range 300 {
		debs = append(debs, writeDeb(t, fmt.Sprintf("app%03d", i), "1.0", "amd64", fill))
	}
	f.publish("nightly", debs...)
	h.update()
	f.publish("nightly", writeDeb(t, "app150", "2.0", "amd64", fill), writeDeb(t, "app000", "2.0", "all", ""), writeDeb(t, "app299", "2.0", "amd64", ""))
	f.verify()
	h.update()
	if got := strings.Count(h.must("apt-cache", "dumpavail"), "\nVersion:"); got != 300 {
		t.Errorf("apt knows %d packages, want 300", got)
	}
	for _, name := range []string{"app000", "app150", "app299"} {
		if out := h.must("apt-cache", "policy", name); !strings.Contains(out, "Candidate: 2.0") || !strings.Contains(out, " 1.0 ") {
			t.Errorf("apt-cache policy %s: %s", name, out)
		}
	}
}

// TestAptRotation: a host that is enrolled again in between never sees a
// release that it refuses.
func TestAptRotation(t *testing.T) {
	f, h := newFixture(t), newAptHost(t)
	url := f.serve()
	with := func(keys ...*sign.Key) fixture {
		r, err := Open(Folder(f.root), sign.NewKeyring(keys...))
		if err != nil {
			t.Fatal(err)
		}
		return fixture{Repository: r, t: t, root: f.root, keys: r.keys}
	}
	enroll := func(f fixture) {
		text, err := f.Source(url, "nightly")
		if err != nil {
			t.Fatal(err)
		}
		h.write("etc/apt/sources.list.d/aptfleet.sources", text)
	}
	older, newer := newKey(t, "Older"), newKey(t, "Newer")
	old, both, fresh := with(older), with(older, newer), with(newer)

	if err := old.Resign(t.Context()); err != nil { // the fixture has a key of its own
		t.Fatal(err)
	}
	old.publish("nightly", writeDeb(t, "app", "1", "amd64", ""))
	enroll(old)
	h.update()
	both.publish("nightly", writeDeb(t, "app", "2", "amd64", ""))
	if out := h.must("apt-get", "update"); strings.Contains(out, "E:") {
		t.Errorf("a host of the old key: %s", out)
	}
	if out := h.must("apt-cache", "policy", "app"); !strings.Contains(out, "Candidate: 2") {
		t.Errorf("a host of the old key does not see the new release: %s", out)
	}
	if err := both.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	both.verify()
	fresh.verify() // the suites without a package too
	enroll(both)
	h.update()
	fresh.publish("nightly", writeDeb(t, "app", "3", "amd64", ""))
	h.update()
	if out := h.must("apt-cache", "policy", "app"); !strings.Contains(out, "Candidate: 3") {
		t.Errorf("a host that knows both keys does not see the newest release: %s", out)
	}
	enroll(old)
	if out, err := h.run("apt-get", "update"); err == nil {
		t.Errorf("a host that was never enrolled again accepts the new key: %s", out)
	}
}

func newKey(t *testing.T, identity string) *sign.Key {
	t.Helper()
	k, err := sign.Generate(identity)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestAptMeanwhile: hosts that update in a loop never see a fault, whatever
// happens to the suites.
func TestAptMeanwhile(t *testing.T) {
	f := newFixture(t)
	var debs [8]string
	for i := range debs {
		debs[i] = writeDeb(t, "app", fmt.Sprintf("1.%d", i), "amd64", "")
	}
	f.publish("stable", writeDeb(t, "base", "1", "amd64", ""))
	stop, done := make(chan struct{}), make(chan string)
	const hosts = 3
	for range hosts {
		h := newAptHost(t)
		h.source(f, "nightly", "stable")
		go func() { done <- h.loop(stop) }()
	}
	for i, path := range debs {
		f.publish("nightly", path)
		version := fmt.Sprintf("1.%d", i)
		if err := f.Promote(t.Context(), "app", version, "nightly", "stable"); err != nil {
			t.Error(err)
		}
		if err := f.Remove(t.Context(), "stable", "app", version); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	for range hosts {
		if out := <-done; out != "" {
			t.Error(out)
		}
	}
}

// loop updates until stop, and at least once; it returns what apt had to say.
func (h aptHost) loop(stop <-chan struct{}) string {
	for {
		out, err := h.run("apt-get", "update")
		if err != nil || strings.Contains(out, "W:") || strings.Contains(out, "E:") {
			return fmt.Sprintf("%v: %s", err, out)
		}
		select {
		case <-stop:
			return ""
		default:
		}
	}
}

// TestAptRefuses proves that these tests can fail: a host does not take an
// index that was changed after signing.
func TestAptRefuses(t *testing.T) {
	f, h := newFixture(t), newAptHost(t)
	h.source(f, "nightly")
	f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""))
	spoil(t, filepath.Join(f.root, "dists/nightly/main/binary-amd64/by-hash/SHA256/*"), func(b []byte) []byte { return append(b, '\n') })
	spoil(t, filepath.Join(f.root, "dists/nightly/main/binary-amd64/Packages*"), func(b []byte) []byte { return append(b, '\n') })
	if out, err := h.run("apt-get", "update"); err == nil {
		t.Errorf("apt-get update accepted it: %s", out)
	}
}
