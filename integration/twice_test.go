package integration

import (
	"strings"
	"testing"
)

// TestSaidTwice: what is done is not done again, and a command that is given again
// ends as it did.
func TestSaidTwice(t *testing.T) {
	f := failing(t)
	done, back := []string{"done", "done", "done"}, []string{"returned", "returned", "returned"}
	f.ends(0, done, "rollout", "shop=1.1", "--to", group, "--yes")
	f.ends(0, done, "resume", "R2")
	f.ends(0, done, "abort", "R2")
	f.ends(0, done, "retry", "R2")
	f.ends(5, back, "rollback", "R2", "--yes")
	f.ends(5, back, "rollback", "R2", "--yes")
	f.ends(5, back, "resume", "R2")
	f.has("1.0", "1.0", "1.0")
	for _, h := range f.lab.Hosts() {
		if n := f.count(h, "R2-*-apt-*"); n != 2 {
			t.Errorf("%s has %d jobs, want the one there and the one back", h.Name(), n)
		}
	}
}

// TestRefusedDecision: what cannot be decided of a rollout leaves it as it was.
func TestRefusedDecision(t *testing.T) {
	f := failing(t)
	f.ends(0, []string{"done", "done", "done"}, "rollout", "shop=1.1", "--to", "web1,web2,web3", "--yes")
	for host, status := range map[string]int{"nosuch": 2, "web2": 1} {
		if a := f.run("retry", "R2", "--host", host); a.status != status || !strings.Contains(a.stderr, "R2") {
			t.Errorf("want status %d, and the rollout named: %s", status, a)
		}
	}
	f.ends(5, []string{"returned", "returned", "returned"}, "rollback", "R2", "--yes")
	if a := f.run("retry", "R2"); a.status != 1 || !strings.Contains(a.stderr, "rolled back") {
		t.Errorf("want status 1: %s", a)
	}
	if end := f.do("history").stdout; strings.Contains(end, `"error"`) {
		t.Errorf("history says %s", end)
	}
	if a := f.run("status", "R2"); a.end(t).Phase != "finished" {
		t.Errorf("it was finished, and now is %s", a)
	}
}
