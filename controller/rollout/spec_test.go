package rollout

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/inventory"
)

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Spec)
		want   string // part of the error; "" for none
	}{
		{"complete", func(*Spec) {}, ""},
		{"dist-upgrade", func(s *Spec) { s.Mode, s.Packages = DistUpgrade, nil }, ""},
		{"dist-upgrade of a package", func(s *Spec) { s.Mode = DistUpgrade }, "takes no packages, but shop-web=1.2-1"},
		{"nothing to install", func(s *Spec) { s.Packages = nil }, "needs at least one package"},
		{"unknown mode", func(s *Spec) { s.Mode = "purge" }, `unknown mode "purge"`},
		{"no name", func(s *Spec) { s.Packages[0].Name = "" }, "no name"},
		{"package twice", func(s *Spec) { s.Packages = append(s.Packages, Package{Name: s.Packages[0].Name, Version: "9"}) }, "package shop-web is named twice"},
		{"no hosts", func(s *Spec) { s.Hosts = nil }, "no host is selected"},
		{"host twice", func(s *Spec) { s.Hosts[1] = "a" }, `"a" is named twice`},
		{"parallel 0", func(s *Spec) { s.Policy.Parallel = 0 }, "parallel must be at least 1"},
		{"canary of elsewhere", func(s *Spec) { s.Canaries = []inventory.HostName{"c"} }, `canary "c" takes no part`},
		{"in two pairs", func(s *Spec) { s.Pairs = [][]inventory.HostName{{"a", "b"}, {"b"}} }, `"b" of a pair takes no part or is in two`},
	} {
		spec := someSpec("a", "b")
		tt.change(spec)
		err := spec.Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Validate returned %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestParseID(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want ID
	}{
		{"R1", "R1"}, {"r42", "R42"}, {"42", "R42"},
		{"", ""}, {"R", ""}, {"R0", ""}, {"R-1", ""}, {"R+1", ""}, {"R01", ""}, {"RR1", ""}, {"R1.ctl", ""}, {"R>", ""}, {"R99999999999999999999", ""},
	} {
		got, err := ParseID(tt.in)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("ParseID(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
	if n := ID("R17").Number(); n != 17 {
		t.Errorf("R17 has number %d", n)
	}
	if n := ID("j.>").Number(); n != 0 {
		t.Errorf("j.> has number %d", n)
	}
}
