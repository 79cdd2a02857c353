package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// told is what reached those whom a daemon tells, a line each.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (l *told) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

// all returns what was told, sorted: each way tells at its own pace.
func (l *told) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(slices.Values(l.lines))
}

// mailbox takes mail.
type mailbox struct{ *told }

func (mailbox) Mail(string, *smtp.MailOptions) error { return nil }
func (mailbox) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (mailbox) Reset()                               {}
func (mailbox) Logout() error                        { return nil }

func (m mailbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	for line := range strings.Lines(string(text)) {
		if subject, is := strings.CutPrefix(line, "Subject: [aptfleet] "); is {
			words := strings.Fields(subject)
			m.add("mail: " + strings.Join(words[:min(3, len(words))], " "))
		}
	}
	return err
}

// TestDaemonNotifies has a daemon tell of a rollout that fails, and of its way back, by
// webhook, by mail and by a command, each of what it asked for.
func TestDaemonNotifies(t *testing.T) {
	f := failing(t, 3)
	heard := &told{}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n struct{ On, Rollout, By string }
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil || r.Header.Get("Webhook-Signature") == "" || n.By == "" {
			t.Errorf("the webhook was told %+v, signed %q: %v", n, r.Header.Get("Webhook-Signature"), err)
		}
		heard.add("webhook: " + n.Rollout + " " + n.On)
	}))
	t.Cleanup(hook.Close)
	f.write("webhook.secret", "hush\n")
	f.appendTo("aptfleet.toml", fmt.Sprintf(`
[[notify]]
name = "chat"
[notify.webhook]
url = %q
secret_file = "webhook.secret"
[[notify]]
name = "ops"
on = ["failure", "end"]
[notify.mail]
server = %q
encryption = "none"
from = "deploy@example.com"
to = ["ops@example.com"]
[[notify]]
name = "pager"
on = ["failure"]
command = ["sh", "-c", "echo command: $APTFLEET_ROLLOUT $APTFLEET_ON >>%s"]
`, hook.URL, f.mailServer(heard), f.path("paged")))
	f.daemon()
	if a := f.run("rollout", "shop=1.1", "--to", group, "--yes"); a.status != 3 {
		t.Errorf("want a host that fails: %s", a)
	}
	if a := f.run("rollback", "R2", "--yes"); a.status != 5 {
		t.Errorf("want all to be returned: %s", a)
	}
	want := []string{
		"command: R2 failure", "mail: R2 has failed:", "mail: R2 is done:",
		"webhook: R2 begin", "webhook: R2 begin", "webhook: R2 end", "webhook: R2 failure",
	}
	got := func() []string {
		paged, err := os.ReadFile(f.path("paged"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return append(strings.Split(strings.TrimSpace(string(paged)), "\n"), heard.all()...)
	}
	until(t, "all is told", func() bool { return len(got()) >= len(want) })
	if all := got(); !slices.Equal(all, want) {
		t.Errorf("told is %q, want %q", all, want)
	}
}

// mailServer starts a mail server of this machine and returns its address.
func (f *fleet) mailServer(into *told) string {
	f.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailbox{into}, nil }))
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	f.t.Cleanup(func() {
		f.must(server.Close())
		<-done // says that it was closed
	})
	return l.Addr().String()
}
