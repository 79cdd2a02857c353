package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

const day = 24 * time.Hour

// recertified returns a host whose door has another certificate, which is valid
// from a time from now on to another.
func recertified(t *testing.T, from, to time.Duration) *host {
	t.Helper()
	h := enrolled(t)
	h.door.close()
	h.door.certify(time.Now().Add(from), time.Now().Add(to))
	h.door.open()
	return h
}

// TestClockBehind: who takes the server's certificate for one of the future
// connects all the same.
func TestClockBehind(t *testing.T) {
	h := recertified(t, 3*day, 90*day)
	h.run()
	h.waitFor("the connection", func() bool { return h.log.has("msg=connected") })
	if !h.log.has("is not valid by this host's clock, which counts as wrong") {
		t.Error("it does not say that its clock may be wrong")
	}
}

// TestCertificateOver: one that was over when the token was signed is refused for
// ever, and it is said why.
func TestCertificateOver(t *testing.T) {
	h := recertified(t, -90*day, -day)
	h.run()
	h.waitFor("the refusal", func() bool { return h.log.has("was over when this host was enrolled") })
	h.waitFor("further attempts", func() bool {
		h.log.mu.Lock()
		defer h.log.mu.Unlock()
		return strings.Count(h.log.text.String(), "cannot connect") > 3
	})
	if h.log.has("msg=connected") {
		t.Error("it connected")
	}
}

// TestCertificateRunsOut: one that ends while the host is enrolled costs no report, as
// nobody can tell it from a clock that is wrong; and it is said.
func TestCertificateRunsOut(t *testing.T) {
	const left = 2 * time.Second
	h := recertified(t, -90*day, left)
	time.Sleep(left)
	h.run()
	h.waitFor("the connection", func() bool { return h.log.has("msg=connected") })
	if !h.log.has("is not valid by this host's clock, which counts as wrong") {
		t.Error("it does not say that the certificate may be over")
	}
}

// TestForgedInTheFuture: that a certificate is taken for one of another time
// excuses nothing else about it.
func TestForgedInTheFuture(t *testing.T) {
	h := recertified(t, 3*day, 90*day)
	other := newDoor(t) // who makes another authority
	ca := h.door.ca
	h.door.ca = other.ca
	h.settings("1h")
	h.door.ca = ca
	h.run()
	h.waitFor("the refusal for another reason", func() bool { return h.log.has("signed by unknown authority") })
	if h.log.has("msg=connected") {
		t.Error("it connected")
	}
}

func TestIssuedAt(t *testing.T) {
	h := enrolled(t, health.NewCommand("true"))
	if at, err := issuedAt(h.door.admit(h.id)); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("a token that was just signed is of %v, %v", at, err)
	}
	for _, token := range []string{"", "x", "a.b", "a.!.c", "a.e30x.c", "a.b.c.d"} {
		if at, err := issuedAt(token); err == nil {
			t.Errorf("%q is of %v", token, at)
		}
	}
}
