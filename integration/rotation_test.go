package integration

import (
	"os"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestKeyRotation moves two hosts to a new signing key, Debian 12 with gpgv and
// Debian 13 with sqv. At no moment is a host without updates that was visited in
// time; one that was forgotten says so when the old key is gone.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 3, Suites: []string{lab.Bookworm, lab.Trixie}})
	f.must(os.Mkdir(f.path("keys"), 0o700))
	f.must(os.Rename(f.path("signing-key.asc"), f.path("keys/old.asc")))
	f.do("init", "--dir", f.path("new"), "--state", f.path("new/state"))
	f.must(os.Rename(f.path("new/signing-key.asc"), f.path("keys/new.asc")))
	f.reconfigure(`key = "signing-key.asc"`, `key = "keys"`)

	f.do("repo", "sign") // with both
	f.offers("1.0")
	f.do("enroll", "web1,web2", "--yes")
	f.offers("1.0")
	f.must(os.Remove(f.path("keys/old.asc")))
	f.publish(shop{version: "1.1"})
	f.do("repo", "sign")

	a := f.run("rollout", "shop=1.1", "--to", group, "--yes")
	end := a.end(t)
	for _, h := range f.lab.Hosts()[:2] {
		if got := end.host(t, h.Name()); got.Verdict != "done" || f.version(h, "shop") != "1.1" {
			t.Errorf("%s (%s) ended as %+v\n%s", h.Name(), h.Suite(), got, f.jobLog(h))
		}
	}
	if got := end.host(t, "web3"); a.status != 3 || got.Verdict != "failed" || !strings.Contains(got.Cause, "NO_PUBKEY") {
		t.Errorf("status %d; web3, which was not enrolled again, ended as %+v", a.status, got)
	}
	f.do("enroll", group, "--yes")
	f.offers("1.1")
	if end := f.rollOut("shop=1.1"); end.Summary["done"] != 3 {
		t.Errorf("enrolled again they ended as %+v", end)
	}
}

// reconfigure replaces a line of aptfleet.toml.
func (f *fleet) reconfigure(line, with string) {
	f.t.Helper()
	text, err := os.ReadFile(f.path("aptfleet.toml"))
	f.must(err)
	changed := strings.Replace(string(text), line, with, 1)
	if changed == string(text) {
		f.t.Fatalf("aptfleet.toml has no line %s", line)
	}
	f.write("aptfleet.toml", changed)
}
