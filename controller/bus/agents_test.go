package bus

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// record is a log that tests read while others write.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// awaits fails the test unless what is asked becomes true.
func awaits(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ask(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// listening opens a bus that listens.
func listening(t *testing.T, state string) (*Bus, *record) {
	t.Helper()
	log := &record{}
	b, err := Open(t.Context(), Options{
		State: state, Log: slog.New(slog.NewTextHandler(log, nil)),
		Listen: &Listen{Address: "127.0.0.1:0", Names: []string{"deploy.example.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() }) // a test that closes it looks at the error
	return b, log
}

// agent is the key of a host and what it was given.
type agent struct {
	name  string
	key   nkeys.KeyPair
	token string
}

func newAgent(t *testing.T, b *Bus) agent {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	a := agent{name: public(key), key: key}
	if a.token, err = b.IssueToken(t.Context(), a.name, "web1"); err != nil {
		t.Fatal(err)
	}
	return a
}

// Proof says to a server who the agent is.
func (a agent) Proof() nats.Option {
	return nats.UserJWT(func() (string, error) { return a.token, nil }, func(nonce []byte) ([]byte, error) { return a.key.Sign(nonce) })
}

// connect connects as the agent does, to the bus of a state folder. Errors that
// the server sends later go to complaints.
func (a agent) connect(t *testing.T, b *Bus, state string, more ...nats.Option) (*nats.Conn, <-chan error, error) {
	t.Helper()
	ca, err := Authority(state)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	complaints := make(chan error, 100)
	options := append([]nats.Option{
		nats.Secure(&tls.Config{RootCAs: roots, ServerName: "deploy.example.com"}), nats.NoReconnect(), a.Proof(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { complaints <- err }),
	}, more...)
	conn, err := nats.Connect("tls://"+b.Address().String(), options...)
	if err == nil {
		t.Cleanup(conn.Close)
	}
	return conn, complaints, err
}

func (a agent) mustConnect(t *testing.T, b *Bus, state string) (*nats.Conn, <-chan error) {
	t.Helper()
	conn, complaints, err := a.connect(t, b, state)
	if err != nil {
		t.Fatal(err)
	}
	return conn, complaints
}

// TestAgentReportsAndAnswers: all that an agent is for.
func TestAgentReportsAndAnswers(t *testing.T) {
	state := t.TempDir()
	b, _ := listening(t, state)
	a := newAgent(t, b)
	conn, _ := a.mustConnect(t, b, state)
	reports, err := b.Conn().SubscribeSync(ReportSubject("*"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Subscribe(AskSubject(a.name), func(m *nats.Msg) { _ = m.Respond([]byte("fresh")) }); err != nil {
		t.Fatal(err)
	}
	if err := conn.Publish(ReportSubject(a.name), make([]byte, health.MaxReport)); err != nil {
		t.Fatal(err)
	}
	m, err := reports.NextMsg(20 * time.Second)
	if err != nil || m.Subject != ReportSubject(a.name) || len(m.Data) != health.MaxReport {
		t.Fatalf("the report arrived as %v, %v", m, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if m, err := b.Conn().RequestWithContext(ctx, AskSubject(a.name), nil); err != nil || string(m.Data) != "fresh" {
		t.Fatalf("the agent answered %v, %v", m, err)
	}
}

// TestStolenKey: whoever has an agent's key and token may do nothing else with
// them, reads nothing, and what is tried is logged with where it came from.
func TestStolenKey(t *testing.T) {
	state := t.TempDir()
	b, log := listening(t, state)
	thief, other := newAgent(t, b), newAgent(t, b)
	conn, complaints := thief.mustConnect(t, b, state)
	for _, subject := range []string{
		ReportSubject(other.name), AskSubject(other.name), AskSubject(thief.name), "j.R1.ctl", "$KV.hosts.web1", "$JS.API.STREAM.LIST",
		"$JS.API.STREAM.MSG.GET.JOURNAL", "$SYS.REQ.SERVER.PING", "$SYS.REQ.CLAIMS.UPDATE", "_INBOX.x", "anything",
	} {
		if err := conn.Publish(subject, []byte("x")); err != nil {
			t.Fatal(err)
		}
		refused(t, complaints, "Publish", subject)
	}
	for _, subject := range []string{
		">", "*.*", ReportSubject("*"), ReportSubject(other.name), AskSubject(other.name), AskSubject("*"), "j.>", "$KV.>", "$JS.>", "$SYS.>", "_INBOX.>",
	} {
		sub, err := conn.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, complaints, "Subscription", subject)
		_ = sub.Unsubscribe() // the server never knew it
	}
	awaits(t, "the log", func() bool {
		return strings.Contains(log.String(), "refused") && strings.Contains(log.String(), "address=127.0.0.1:") && strings.Contains(log.String(), other.name)
	})
	if err := b.Failure(); err != nil {
		t.Errorf("the store counts as failed: %v", err)
	}
	if n := count(t, b); n != 0 {
		t.Errorf("%d messages are in the journal", n)
	}
}

func refused(t *testing.T, complaints <-chan error, what, subject string) {
	t.Helper()
	select {
	case err := <-complaints:
		if !strings.Contains(err.Error(), "Permissions Violation for "+what) || !strings.Contains(err.Error(), fmt.Sprintf("%q", subject)) {
			t.Errorf("%s of %s: the server said %v", what, subject, err)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("%s of %s was not refused", what, subject)
	}
}

// TestForeigners: nobody else gets in, and each is logged.
func TestForeigners(t *testing.T) {
	state, elsewhere := t.TempDir(), t.TempDir()
	b, log := listening(t, state)
	foreign, _ := listening(t, elsewhere)
	known, stranger := newAgent(t, b), newAgent(t, foreign)
	thief := agent{known.name, stranger.key, known.token}
	unsigned := agent{stranger.name, stranger.key, ""}
	for name, a := range map[string]agent{"another installation's": stranger, "another key": thief, "no token": unsigned} {
		if _, _, err := a.connect(t, b, state); err == nil || !strings.Contains(err.Error(), "Authorization Violation") {
			t.Errorf("%s: connecting returned %v", name, err)
		}
	}
	awaits(t, "the log of strangers", func() bool { return strings.Count(log.String(), "refused a connection") == 3 })
	if _, _, err := known.connect(t, b, elsewhere); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("the agent took a server of another authority: %v", err)
	}
	awaits(t, "the log of handshakes", func() bool { return strings.Contains(log.String(), "TLS handshake error") })
	old := nats.Secure(&tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}) //nolint:gosec // it is to be refused
	if _, _, err := known.connect(t, b, state, old); err == nil {
		t.Error("TLS 1.2 was taken")
	}
	if err := b.Failure(); err != nil {
		t.Errorf("the store counts as failed: %v", err)
	}
	known.mustConnect(t, b, state)
}

// TestRevoke: an open connection ends, and the host stays out until it is let in
// again, also when the server is started anew in between.
func TestRevoke(t *testing.T) {
	state := t.TempDir()
	b, log := listening(t, state)
	gone, stays := newAgent(t, b), newAgent(t, b)
	conn, _ := gone.mustConnect(t, b, state)
	neighbour, _ := stays.mustConnect(t, b, state)
	for range 2 {
		if err := b.Revoke(t.Context(), time.Now(), gone.name); err != nil {
			t.Fatal(err)
		}
	}
	awaits(t, "the connection's end", conn.IsClosed)
	if !neighbour.IsConnected() {
		t.Error("the neighbour's connection ended too")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b, log = listening(t, state)
	if _, _, err := gone.connect(t, b, state); err == nil || !strings.Contains(err.Error(), "Authorization Violation") {
		t.Errorf("who was shut out connects: %v", err)
	}
	awaits(t, "the log", func() bool {
		return strings.Contains(log.String(), "refused a connection\" address=127.0.0.1 ") && strings.Contains(log.String(), "token of web1 ("+gone.name)
	})
	if admitted, err := b.TokenValid(t.Context(), gone.token, gone.name); admitted || err != nil {
		t.Errorf("the old token counts as %v, %v", admitted, err)
	}
	stays.mustConnect(t, b, state)
	var err error
	if gone.token, err = b.IssueToken(t.Context(), gone.name, "web1"); err != nil {
		t.Fatal(err)
	}
	gone.mustConnect(t, b, state)
}

// TestTokenValid: which tokens have to be replaced.
func TestTokenValid(t *testing.T) {
	b, elsewhere := open(t, t.TempDir()), open(t, t.TempDir())
	a, other := newAgent(t, b), newAgent(t, b)
	for _, tt := range []struct {
		name, token string
		want        bool
	}{
		{"its own", a.token, true}, {"another agent's", other.token, false}, {"another installation's", newAgent(t, elsewhere).token, false},
		{"damaged", a.token[:len(a.token)-3], false}, {"none", "", false},
	} {
		if got, err := b.TokenValid(t.Context(), tt.token, a.name); got != tt.want || err != nil {
			t.Errorf("%s: Admits returned %v, %v", tt.name, got, err)
		}
	}
	for _, key := range []string{"", "x", public(b.secrets.account)} {
		if _, err := b.IssueToken(t.Context(), key, "web1"); err == nil {
			t.Errorf("%q was admitted", key)
		}
	}
}

// TestClonedKey: two connections of one agent are noticed, one after the other
// are not.
func TestClonedKey(t *testing.T) {
	state := t.TempDir()
	b, log := listening(t, state)
	one, cloned := newAgent(t, b), newAgent(t, b)
	first, _ := one.mustConnect(t, b, state)
	first.Close()
	awaits(t, "the first connection's end", func() bool { return b.server.NumClients() == 2 })
	one.mustConnect(t, b, state)
	cloned.mustConnect(t, b, state)
	cloned.mustConnect(t, b, state)
	awaits(t, "the log", func() bool { return strings.Contains(log.String(), "connected twice") })
	if !strings.Contains(log.String(), "host=web1 agent="+cloned.name) || strings.Contains(log.String(), one.name) {
		t.Errorf("the log says %s", log)
	}
}

// TestOversizedReport: one that is too long ends its connection and arrives
// nowhere.
func TestOversizedReport(t *testing.T) {
	state := t.TempDir()
	b, log := listening(t, state)
	a := newAgent(t, b)
	conn, _ := a.mustConnect(t, b, state)
	if err := conn.Publish(ReportSubject(a.name), make([]byte, health.MaxReport+1)); err == nil {
		awaits(t, "the connection's end", conn.IsClosed)
		awaits(t, "the log", func() bool { return strings.Contains(log.String(), "maximum payload exceeded") })
	}
}

// TestBan: an agent is out for a time, and its neighbour stays.
func TestBan(t *testing.T) {
	state := t.TempDir()
	b, _ := listening(t, state)
	wild, calm := newAgent(t, b), newAgent(t, b)
	conn, _ := wild.mustConnect(t, b, state)
	neighbour, _ := calm.mustConnect(t, b, state)
	b.Ban(wild.name, time.Hour)
	awaits(t, "the connection's end", conn.IsClosed)
	again, _, err := wild.connect(t, b, state)
	if err == nil { // it is let in and thrown out
		awaits(t, "the second connection's end", again.IsClosed)
	}
	b.Ban(wild.name, 0)
	conn, _ = wild.mustConnect(t, b, state)
	if err := conn.FlushTimeout(20 * time.Second); err != nil || !neighbour.IsConnected() {
		t.Errorf("with the time over the agent gets %v, and its neighbour's connection lives: %v", err, neighbour.IsConnected())
	}
}
