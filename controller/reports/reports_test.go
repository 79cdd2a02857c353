package reports

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// site is a controller that listens to agents.
type site struct {
	t        *testing.T
	state    string
	bus      *bus.Bus
	register *Register
	reports  *Reports

	mu  sync.Mutex
	log bytes.Buffer
}

func (s *site) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *site) logged(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.log.String(), text)
}

func newSite(t *testing.T, state string) *site {
	t.Helper()
	s := &site{t: t, state: state}
	log := slog.New(slog.NewTextHandler(s, nil))
	var err error
	if s.bus, err = bus.Open(t.Context(), bus.Options{State: state, Log: log, Listen: &bus.Listen{Address: "127.0.0.1:0"}}); err != nil {
		t.Fatal(err)
	}
	if s.register, err = OpenRegister(t.Context(), s.bus); err != nil {
		t.Fatal(err)
	}
	if s.reports, err = Open(t.Context(), s.bus, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func (s *site) close() {
	if s.bus == nil {
		return
	}
	if err := errors.Join(s.reports.Close(), s.bus.Close()); err != nil {
		s.t.Error(err)
	}
	s.bus = nil
}

func (s *site) awaits(what string, ask func() bool) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ask(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// agent plays one on a host.
type agent struct {
	site *site
	host inventory.HostName
	id   string
	conn *nats.Conn

	token   string
	options []nats.Option // of the connection
}

// enroll lets a host in and connects its agent.
func (s *site) enroll(host inventory.HostName) *agent {
	s.t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		s.t.Fatal(err)
	}
	a := &agent{site: s, host: host}
	if a.id, err = key.PublicKey(); err != nil {
		s.t.Fatal(err)
	}
	if err := s.register.Enroll(s.t.Context(), Enrolled{Host: host, Agent: a.id, At: time.Now(), By: "ada"}); err != nil {
		s.t.Fatal(err)
	}
	ca, err := bus.Authority(s.state)
	if err != nil {
		s.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	a.options = []nats.Option{
		nats.Secure(&tls.Config{RootCAs: roots}), nats.NoReconnect(), nats.UserJWT(func() (string, error) { return a.token, nil }, key.Sign),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // what it is refused is in the log
	}
	if err := s.admits(a); err != nil {
		s.t.Fatal(err)
	}
	s.awaits("the register", func() bool {
		_, err := s.reports.Report(host)
		return errors.Is(err, ErrNoReport)
	})
	return a
}

// admits lets an agent in, and connects it.
func (s *site) admits(a *agent) (err error) {
	if a.token, err = s.bus.IssueToken(s.t.Context(), a.id, string(a.host)); err != nil {
		return err
	}
	return a.connect()
}

// connect connects the agent, anew if it was.
func (a *agent) connect() error {
	conn, err := nats.Connect("tls://"+a.site.bus.Address().String(), a.options...)
	if err != nil {
		return err
	}
	a.conn = conn
	a.site.t.Cleanup(conn.Close)
	return nil
}

// report is one of a host that is healthy.
func report(boot, said string) health.Report {
	return health.Report{Boot: boot, At: time.Now(), Packages: map[string]string{"shop": "2"}, Results: []health.Result{{Probe: "unit shop.service", OK: true, Output: said}}}
}

func (a *agent) send(r health.Report) {
	a.site.t.Helper()
	data, err := r.Encode()
	if err == nil {
		err = errors.Join(a.conn.Publish(bus.ReportSubject(a.id), data), a.conn.Flush())
	}
	if err != nil {
		a.site.t.Fatal(err)
	}
}

// says reports whether the last report of the host says something.
func (s *site) says(host inventory.HostName, said string) func() bool {
	return func() bool {
		r, err := s.reports.Report(host)
		return err == nil && r.Results[0].Output == said
	}
}

func TestLastReport(t *testing.T) {
	s := newSite(t, t.TempDir())
	web, db := s.enroll("web1"), s.enroll("db1.example.com")
	before := time.Now()
	wrong := report("first", "one")
	wrong.At = wrong.At.AddDate(-30, 0, 0) // the host's clock is wrong
	web.send(wrong)
	s.awaits("the first report", s.says("web1", "one"))
	web.send(report("first", "two"))
	s.awaits("the second report", s.says("web1", "two"))
	if r, err := s.reports.Report("web1"); err != nil || r.Received.Before(before) || r.Received.After(time.Now()) {
		t.Errorf("the report is %+v, %v", r, err)
	}
	all := s.reports.Snapshot()
	if len(all) != 2 || all[0].Host != "db1.example.com" || all[0].Report != nil || all[0].Agent != db.id || all[1].Report.Results[0].Output != "two" {
		t.Errorf("the snapshot is %+v", all)
	}
	if _, err := s.reports.Report("none"); !errors.Is(err, ErrNotEnrolled) || !strings.HasPrefix(err.Error(), "none: ") {
		t.Errorf("a host that is not enrolled: %v", err)
	}
}

// TestDropped: what is no report, is of nobody, or comes too often is dropped and
// logged.
func TestDropped(t *testing.T) {
	s := newSite(t, t.TempDir())
	a := s.enroll("web1")
	a.send(report("first", "sound"))
	for _, data := range []string{"", "{}", `{"version":99}`, strings.Repeat("x", health.MaxReport)} {
		if err := a.conn.Publish(bus.ReportSubject(a.id), []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	s.awaits("the log of damage", func() bool { return s.logged("version 99") && s.logged("host=web1") })
	if !s.says("web1", "sound")() {
		t.Error("the sound report is gone")
	}
	s.awaits("why the last is none", func() bool {
		err := s.reports.Refused("web1")
		return err != nil && strings.Contains(err.Error(), "invalid character 'x'")
	})
	a.send(report("first", "sound again"))
	s.awaits("the next report", s.says("web1", "sound again"))
	if err := errors.Join(s.reports.Refused("web1"), s.reports.Refused("none")); err != nil {
		t.Errorf("a report that was taken is refused: %v", err)
	}
	if err := s.bus.Conn().Publish(bus.ReportSubject("UNKNOWN"), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	s.awaits("the log of strangers", func() bool { return s.logged("no host is enrolled with the agent") })
}

// TestForget: the connection ends, the host has no reports any more, and it stays
// so after a restart, even if the servers lost their list.
func TestForget(t *testing.T) {
	state := t.TempDir()
	s := newSite(t, state)
	gone, stays := s.enroll("gone"), s.enroll("stays")
	gone.send(report("first", "one"))
	s.awaits("the report", s.says("gone", "one"))
	for range 2 {
		if err := s.register.Forget(t.Context(), "gone"); err != nil {
			t.Fatal(err)
		}
	}
	s.awaits("the connection's end", gone.conn.IsClosed)
	s.awaits("the register", func() bool {
		_, err := s.reports.Report("gone")
		return errors.Is(err, ErrNotEnrolled)
	})
	if err := s.register.Forget(t.Context(), "never"); !errors.Is(err, ErrNotEnrolled) {
		t.Errorf("forgetting a stranger returned %v", err)
	}
	if !stays.conn.IsConnected() {
		t.Error("the other connection ended too")
	}
	s.close()
	s = newSite(t, state)
	if all := s.reports.Snapshot(); len(all) != 1 || all[0].Host != "stays" {
		t.Errorf("after a restart there are %+v", all)
	}
	if _, err := s.register.Get(t.Context(), "gone"); err != nil {
		t.Error(err)
	}
}

// TestNewKey: a host that was made anew has another key, and the old one is out.
func TestNewKey(t *testing.T) {
	s := newSite(t, t.TempDir())
	before := s.enroll("web1")
	before.send(report("first", "old"))
	s.awaits("the report", s.says("web1", "old"))
	after := s.enroll("web1")
	s.awaits("the old connection's end", before.conn.IsClosed)
	after.send(report("second", "new"))
	s.awaits("the new report", s.says("web1", "new"))
}

// TestKeyOfAnother: what key it has is a host's own word, and with that of another
// it would be taken for it. A host that is called otherwise now has to be forgotten
// under its old name, which may come back with a key of its own.
func TestKeyOfAnother(t *testing.T) {
	s := newSite(t, t.TempDir())
	web := s.enroll("web1")
	claims := Enrolled{Host: "evil", Agent: web.id, At: time.Now(), By: "ada"}
	fresh, err := OpenRegister(t.Context(), s.bus)
	if err != nil {
		t.Fatal(err)
	}
	for _, register := range []*Register{s.register, fresh} {
		if err := register.Enroll(t.Context(), claims); !errors.Is(err, ErrKeyTaken) || !strings.HasPrefix(err.Error(), "evil: its agent has the key of another host, web1: ") {
			t.Errorf("with web1's key it is enrolled: %v", err)
		}
	}
	web.send(report("first", "mine"))
	s.awaits("web1's report", s.says("web1", "mine"))
	if _, err := s.reports.Report("evil"); !errors.Is(err, ErrNotEnrolled) {
		t.Errorf("the other host has %v", err)
	}
	if err := s.register.Forget(t.Context(), "web1"); err != nil {
		t.Fatal(err)
	}
	claims.Host = "web-01"
	if err := errors.Join(fresh.Enroll(t.Context(), claims), s.admits(web)); err != nil {
		t.Fatal(err)
	}
	s.enroll("web1").send(report("second", "another"))
	s.awaits("web1's new report", s.says("web1", "another"))
	web.send(report("first", "renamed"))
	s.awaits("the report under the new name", s.says("web-01", "renamed"))
}

// TestClone: two machines with one key report in turn. A reboot is none.
func TestClone(t *testing.T) {
	s := newSite(t, t.TempDir())
	one, two := s.enroll("rebooted"), s.enroll("cloned")
	for i, boot := range []string{"a", "a", "b", "b", "c"} {
		one.send(report(boot, fmt.Sprint(i)))
		s.awaits("the report", s.says("rebooted", fmt.Sprint(i)))
	}
	for i, boot := range []string{"a", "b", "a"} {
		two.send(report(boot, fmt.Sprint(i)))
		s.awaits("the report", s.says("cloned", fmt.Sprint(i)))
	}
	s.awaits("the log", func() bool { return s.logged("two machines report") })
	if !s.logged("host=cloned") || s.logged("host=rebooted") {
		t.Error("the log names another host")
	}
}

// TestFollow: a gate asks once, so that the agent speaks of its packages, and then
// hears of changes at once. An agent that does not answer is not asked again until
// it reports.
func TestFollow(t *testing.T) {
	s := newSite(t, t.TempDir())
	a := s.enroll("web1")
	f := s.reports.Follow(inventory.Host{Name: "web1"}, []string{"shop"})
	for range 2 {
		if _, err := f.Report(t.Context()); err == nil {
			t.Error("an agent that does not listen answered")
		}
	}
	asked := make(chan string, 10)
	if _, err := a.conn.Subscribe(bus.AskSubject(a.id), func(m *nats.Msg) {
		asked <- string(m.Data)
		r := report("first", "asked")
		data, err := r.Encode()
		if err == nil {
			err = m.Respond(data)
		}
		if err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	a.send(report("first", "pushed"))
	select {
	case <-f.Changed():
	case <-time.After(20 * time.Second):
		t.Fatal("the report was not heard of")
	}
	if r, err := f.Report(t.Context()); err != nil || r.Results[0].Output != "asked" {
		t.Errorf("the report is %+v, %v", r, err)
	}
	if got := <-asked; got != `{"packages":["shop"]}` {
		t.Errorf("the agent was asked for %s", got)
	}
	a.send(report("first", "pushed again"))
	s.awaits("the next report", s.says("web1", "pushed again"))
	if r, err := f.Report(t.Context()); err != nil || r.Results[0].Output != "pushed again" {
		t.Errorf("the report is %+v, %v", r, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.reports.Follow(inventory.Host{Name: "none"}, nil).Report(context.Background()); !errors.Is(err, ErrNotEnrolled) {
		t.Errorf("following a host without an agent returned %v", err)
	}
}

func FuzzDecodeEnrolled(f *testing.F) {
	data, err := Enrolled{Host: "web1", Agent: "U", At: time.Now(), By: "ada", Forgotten: time.Now()}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := decodeEnrolled(data); err == nil && (e.Host == "" || e.Agent == "") {
			t.Errorf("%q was read as %+v", data, e)
		}
	})
}
