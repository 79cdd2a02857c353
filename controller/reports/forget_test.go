package reports

import (
	"os"
	"path/filepath"
	"testing"
)

// TestForgetWhileAway: an agent that is not connected when it is forgotten does not get in
// when it comes back, whatever became of the server meanwhile: not after a restart, and
// not where a power cut has taken the server's list of those who are shut out. Another
// one gets in each time.
func TestForgetWhileAway(t *testing.T) {
	state := t.TempDir()
	s := newSite(t, state)
	gone, stays := s.enroll("gone"), s.enroll("stays")
	gone.conn.Close()
	stays.conn.Close()
	if err := s.register.Forget(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	comesBack := func(when string) {
		t.Helper()
		if err := gone.connect(); err == nil {
			t.Errorf("%s it gets in", when)
		}
		if err := stays.connect(); err != nil {
			t.Errorf("%s another one does not get in: %v", when, err)
		}
		stays.conn.Close()
	}
	comesBack("at once")
	restart := func() {
		s = newSite(t, state)
		gone.site, stays.site = s, s
	}
	s.close()
	restart()
	comesBack("after a restart")
	s.close()
	if err := os.RemoveAll(filepath.Join(state, "bus", "accounts")); err != nil {
		t.Fatal(err)
	}
	restart()
	comesBack("after a power cut")
}
