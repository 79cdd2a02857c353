package inventory

import (
	"errors"
	"slices"
	"testing"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// FuzzParse holds that whatever is accepted keeps the package's promises.
func FuzzParse(f *testing.F) {
	f.Add([]byte(shop))
	f.Add([]byte(healthy))
	f.Add([]byte("[groups.a]\ngroups = [\"b\"]\nhosts = [\"w[1-3/2]\"]\n[groups.b]\nhosts=[\"x\"]\n[hosts.x.labels]\na='b'\n"))
	f.Add([]byte("[hosts.\"::1\"]\ngroups = []\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		inv, err := Parse("i.toml", src)
		if err != nil {
			return
		}
		for _, h := range inv.Hosts() {
			if err := errors.Join(ValidateName(string(h.Name)), health.ValidateAll(h.Health)); err != nil || h.Labels == nil {
				t.Errorf("accepted %+v: %v", h, err)
			}
			picked, err := inv.Select(string(h.Name), nil)
			if err != nil || len(picked) != 1 || picked[0].Name != h.Name {
				t.Errorf("%s cannot be selected: %v, %v", h.Name, picked, err)
			}
		}
	})
}

// FuzzSelect holds that a selection is in inventory order, without a host twice,
// and never empty.
func FuzzSelect(f *testing.F) {
	for _, s := range []string{
		"web,!web-07", "web[0:9]", "label:tier=web", "all", "w*,db[a-b]", "web[-1]", "a,,b", "!", "[[]", "label:a=[", "web[0:", "db[:,",
		"failed:R42", "web,!failed:R42[0:1]", "failed:[", "failed:",
	} {
		f.Add(s)
	}
	inv, err := Parse("i.toml", []byte(shop))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, selector string) {
		hosts, err := inv.Select(selector, failedIn)
		if err == nil && len(hosts) == 0 {
			t.Errorf("%q selects nothing", selector)
		}
		before := func(a, b Host) int { return inv.index[a.Name] - inv.index[b.Name] }
		if !slices.IsSortedFunc(hosts, before) || len(slices.CompactFunc(hosts, func(a, b Host) bool { return a.Name == b.Name })) != len(hosts) {
			t.Errorf("%q selects %v", selector, selected(hosts))
		}
	})
}

// FuzzExpand holds that a pattern never stands for too much, and that a name
// without brackets stands for itself.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{"web[01-20]", "db[a-c]x[1,3-9/2]", "[", "]", "[]", "[0-18446744073709551615]", "[9223372036854775807-9223372036854775807/9]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		names, err := Expand(pattern)
		if err != nil {
			return
		}
		if len(names) == 0 || len(names) > maxExpansion {
			t.Errorf("%q stands for %d names", pattern, len(names))
		}
		if again, err := Expand(names[0]); err != nil || !slices.Equal(again, names[:1]) {
			t.Errorf("%q stands for %q, which stands for %q, %v", pattern, names[0], again, err)
		}
	})
}
