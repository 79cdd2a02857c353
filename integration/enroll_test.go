package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

const sourceFile = "/etc/apt/sources.list.d/aptfleet.sources"

// TestEnroll enrolls hosts, again, after somebody has meddled with one, and
// with fewer suites. Apt on the hosts has to be content each time.
func TestEnroll(t *testing.T) {
	t.Parallel()
	f := newFleet(t, lab.Options{Count: 2, Suites: []string{lab.Bookworm, lab.Trixie}})
	f.publishTo("nightly", shop{version: "2.0"})
	tampered := f.host(2)
	f.enrolls("written", "written")
	whole := f.read(tampered, sourceFile)
	f.enrolls("unchanged", "unchanged")
	f.put(tampered, sourceFile, strings.Replace(whole, "Signed-By", "Trusted", 1))
	f.enrolls("unchanged", "repaired")
	if got := f.read(tampered, sourceFile); got != whole {
		t.Errorf("the repaired source is\n%s, and was\n%s", got, whole)
	}
	f.offers("2.0")
	f.enrolls("repaired", "repaired", "--suite", "stable")
	f.offers("1.0")
	f.do("rollout", "shop", "--to", group, "--yes")
}

// enrolls enrolls both hosts and wants something to have been done to each.
func (f *fleet) enrolls(first, second string, args ...string) {
	f.t.Helper()
	a := f.do(append([]string{"enroll", group, "--yes"}, args...)...)
	did := lines[struct{ Host, Result string }](f.t, "enrolled", a.stdout)
	for _, d := range did {
		if want := map[string]string{"web1": first, "web2": second}[d.Host]; d.Result != want {
			f.t.Errorf("enroll %v: %s is %s, want %s", args, d.Host, d.Result, want)
		}
	}
	if len(did) != 2 {
		f.t.Errorf("enroll %v enrolled %+v", args, did)
	}
}

// offers wants plain apt on every host to update without a word and to find a
// version.
func (f *fleet) offers(version string) {
	f.t.Helper()
	for _, h := range f.lab.Hosts() {
		out, err := h.Command(f.t.Context(), "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update").CombinedOutput()
		if err != nil || strings.Contains(string(out), "W:") {
			f.t.Errorf("%s (%s) cannot update: %v\n%s", h.Name(), h.Suite(), err, out)
		}
		if policy := f.exec(h, "apt-cache", "policy", "shop"); !strings.Contains(policy, "Candidate: "+version+"\n") {
			f.t.Errorf("%s (%s) is offered\n%s, want %s", h.Name(), h.Suite(), policy, version)
		}
	}
}
