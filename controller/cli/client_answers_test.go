package cli

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/config"
	"github.com/aptfleet/aptfleet/controller/server"
)

// asking returns a client of a daemon that answers so.
func asking(t *testing.T, answers http.HandlerFunc) *client {
	t.Helper()
	folder, err := os.MkdirTemp("", "daemon") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) }) // it is temporary
	l, err := net.Listen("unix", filepath.Join(folder, socketName))
	if err != nil {
		t.Fatal(err)
	}
	d := &httptest.Server{Listener: l, Config: &http.Server{Handler: answers}}
	d.Start()
	t.Cleanup(d.Close)
	inventory := filepath.Join(folder, "inventory.toml")
	if err := os.WriteFile(inventory, []byte("[groups.web]\nhosts = [\"web1\", \"web2\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := &installation{Config: &config.Config{State: folder, Inventory: inventory}, app: &app{Streams: Streams{In: http.NoBody, Out: io.Discard, Err: io.Discard}}}
	c := in.client(t.Context())
	if c == nil {
		t.Fatal("there is a daemon, and no client")
	}
	return c
}

// versioned answers whether there is a daemon, and the rest by then.
func versioned(then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/version" {
			fmt.Fprintln(w, `{"type":"version","version":"1"}`)
			return
		}
		then(w, r)
	}
}

// TestProblemsOfDaemon: what goes wrong in the daemon ends a command as if it had
// gone wrong in it.
func TestProblemsOfDaemon(t *testing.T) {
	for _, tt := range []struct {
		status int
		kind   string
		body   string
		want   string
		exit   int
	}{
		{400, "application/problem+json", `{"type":"about:blank","status":400,"detail":"to: there is no \"db\""}`, `to: there is no "db"`, exitUsage},
		{404, "application/problem+json", `{"type":"about:blank","status":404,"detail":"there is no R9"}`, "there is no R9", exitBegin},
		{409, "application/problem+json", `{"type":"about:blank","status":409,"detail":"R1 is running"}`, "R1 is running", exitBegin},
		{503, "application/problem+json", `{"type":"about:blank","status":503,"detail":"the daemon is ending"}`, "the daemon is ending", exitBegin},
		{502, "text/html", "<h1>Bad Gateway</h1>", "the daemon answers 502 Bad Gateway", exitBegin},
		{200, "application/json", `{"items":[{"ty`, "cannot read the daemon's answer: unexpected EOF", exitBegin},
	} {
		c := asking(t, versioned(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", tt.kind)
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.body)
		}))
		if _, err := c.history(t.Context()); err == nil || err.Error() != tt.want || exitStatus(err) != tt.exit {
			t.Errorf("%d %s is %v with status %d, want %s with %d", tt.status, tt.body, err, exitStatus(err), tt.want, tt.exit)
		}
	}
}

// TestDaemonGoesAwayWhileItEnrolls: hosts of which the daemon has not told failed,
// each with the reason; one that cannot begin is an error of its own.
func TestDaemonGoesAwayWhileItEnrolls(t *testing.T) {
	const first = `{"type":"enrolled","host":"web1","result":"written"}` + "\n"
	for _, tt := range []struct {
		name string
		does func(http.ResponseWriter)
		want string // of the error; "" is none
		exit int
	}{
		{"it tells of all", func(w http.ResponseWriter) {
			fmt.Fprint(w, first+"\n"+strings.Replace(first, "web1", "web2", 1))
		}, "", exitDone},
		{"it dies", func(w http.ResponseWriter) {
			fmt.Fprint(w, first)
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		}, "1 of 2 hosts failed:\n  web2: the daemon has gone away: unexpected EOF", exitFailed},
		{"it ends", func(w http.ResponseWriter) {
			fmt.Fprint(w, first+`{"type":"problem","status":503,"detail":"the daemon is ending"}`+"\n")
		}, "1 of 2 hosts failed:\n  web2: the daemon is ending", exitFailed},
		{"it forgets one", func(w http.ResponseWriter) { fmt.Fprint(w, first) },
			"1 of 2 hosts failed:\n  web2: the daemon does not say what became of it", exitFailed},
		{"it cannot begin", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"type":"about:blank","status":500,"detail":"cannot enroll agents: nobody listens to them"}`)
		}, "cannot enroll agents: nobody listens to them", exitBegin},
	} {
		c := asking(t, versioned(func(w http.ResponseWriter, _ *http.Request) { tt.does(w) }))
		err := c.enroll(t.Context(), server.EnrollRequest{Selector: "web"}, true)
		if text(err) != tt.want || exitStatus(err) != tt.exit {
			t.Errorf("%s: %q with status %d, want %q with %d", tt.name, text(err), exitStatus(err), tt.want, tt.exit)
		}
	}
}
