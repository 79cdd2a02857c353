package rollout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/inventory"
)

// someHosts reads "a b! c/m d/m:1": a host each, "!" for a canary, then mutex
// and pair label.
func someHosts(words string) []inventory.Host {
	var hosts []inventory.Host
	for word := range strings.FieldsSeq(words) {
		name, mutex, _ := strings.Cut(word, "/")
		mutex, pair, paired := strings.Cut(mutex, ":")
		name, canary := strings.CutSuffix(name, "!")
		h := inventory.Host{Name: inventory.HostName(name), Mutex: mutex, Labels: map[string]string{}}
		if canary {
			h.Labels[canaryLabel] = "yes"
		}
		if paired {
			h.Labels[pairLabel] = pair
		}
		hosts = append(hosts, h)
	}
	return hosts
}

// lists writes lists of hosts as "a b | c".
func lists(all [][]inventory.HostName) string {
	var words []string
	for _, list := range all {
		words = append(words, strings.Trim(fmt.Sprint(list), "[]"))
	}
	return strings.Join(words, " | ")
}

func TestBatches(t *testing.T) {
	for _, tt := range []struct{ sizes, hosts, want string }{
		{"", "a b c", "a b c"},
		{"1", "a b c", "a | b | c"},
		{"1 10% 100%", "a b c d", "a | b | c d"},
		{"1 2 50%", "a b c d e f g", "a | b c | d e f | g"},
		{"5", "a b", "a b"},
		{"1 100%", "a b! c d!", "b | d a c"},
		{"2", "a b! c d!", "b d | a c"},
	} {
		var s Spec
		for size := range strings.FieldsSeq(tt.sizes) {
			a, err := ParseAmount(size)
			if err != nil {
				t.Fatal(err)
			}
			s.Policy.Batches = append(s.Policy.Batches, a)
		}
		s.Take(someHosts(tt.hosts))
		if got := lists(s.Batches()); got != tt.want {
			t.Errorf("%q of %q: %s, want %s", tt.sizes, tt.hosts, got, tt.want)
		}
	}
}

func TestTake(t *testing.T) {
	for _, tt := range []struct{ hosts, pairs string }{
		{"a b c", ""},
		{"a/m:1 b/m:2 c/m:1 d/m:2 e/n:1", "a c | b d"},
		{"a/m b/m c/n d", "a b"},
		{"a/m b/m:1", ""},
	} {
		var s Spec
		s.Take(someHosts(tt.hosts))
		if got := lists(s.Pairs); got != tt.pairs {
			t.Errorf("%s: pairs %s, want %s", tt.hosts, got, tt.pairs)
		}
	}
	hosts := someHosts("a! b! c!")
	hosts[0].Labels[canaryLabel], hosts[2].Labels[canaryLabel] = "no", "false"
	var s Spec
	s.Take(hosts)
	s.Take(hosts)
	want := Spec{Hosts: []inventory.HostName{"a", "b", "c"}, Canaries: []inventory.HostName{"b"}}
	if diff := cmp.Diff(want, s, cmp.AllowUnexported(Amount{})); diff != "" {
		t.Error(diff)
	}
}
