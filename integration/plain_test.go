package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestPlainRollout is the main job where nothing goes wrong, on hosts of each
// kind: two versions, one after the other, and the older one again.
func TestPlainRollout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		start func(*testing.T, lab.Options) *fleet
		kind  lab.Kind
	}{
		{"booted", bootedFleet, lab.AnyKind},
		{"light", enrolledFleet, lab.Light},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.start(t, lab.Options{Count: 3, Suites: []string{lab.Bookworm, lab.Trixie}, Kind: tt.kind})
			f.publish(shop{version: "1.1"})
			f.brings("", "1.0", "shop=1.0")
			f.brings("1.0", "1.1", "shop", "--suite", "stable")
			f.brings("1.1", "1.1", "shop")
			f.brings("1.1", "1.0", "shop=1.0")
		})
	}
}

// brings rolls out to all hosts, and wants every one of them to have gone from
// one version of shop to another, by the journal and by its own dpkg.
func (f *fleet) brings(from, to string, args ...string) {
	f.t.Helper()
	end := f.rollOut(args...)
	if end.Phase != "finished" || end.Summary["done"] != len(f.lab.Hosts()) {
		f.t.Errorf("%s: %s is %s with %v", strings.Join(args, " "), end.ID, end.Phase, end.Summary)
	}
	for _, h := range f.lab.Hosts() {
		got := end.host(f.t, h.Name())
		if got.Verdict != "done" || got.Before["shop"] != from || got.After["shop"] != to || got.Cause != "" {
			f.t.Errorf("%s: %s ended as %+v, want done from %q to %s", strings.Join(args, " "), h.Name(), got, from, to)
		}
		if version := f.version(h, "shop"); version != to || f.read(h, "/usr/share/shop/version") != to+"\n" {
			f.t.Errorf("%s: %s has %q, want %s", strings.Join(args, " "), h.Name(), version, to)
		}
	}
}
