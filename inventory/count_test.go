package inventory

import "testing"

func TestCount(t *testing.T) {
	for hosts, want := range map[int]string{0: "0 hosts", 1: "1 host", 2: "2 hosts", 11: "11 hosts"} {
		if got := Count(hosts); got != want {
			t.Errorf("%d are %q, want %q", hosts, got, want)
		}
	}
}
