package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ofRollout answers how R1 stands, in a phase, and that there is no other rollout. Of its
// hosts the inventory has web1 and web2 only.
func ofRollout(phase string) http.HandlerFunc {
	return versioned(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/rollouts/R1":
			fmt.Fprintf(w, `{"type":"rollout","id":"R1","phase":%q,"hosts":[{"host":"web1","verdict":"done"},{"host":"web2","verdict":"unreachable"},`+
				`{"host":"web3","verdict":"failed"},{"host":"web4","verdict":"unknown"},{"host":"web5","verdict":"not started"},`+
				`{"host":"web6","verdict":"returned"},{"host":"web7","verdict":"stuck"}]}`, phase)
		case "/v1/rollouts/R3":
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"type":"about:blank","status":503,"detail":"the daemon is ending"}`)
		default:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"type":"about:blank","status":404,"detail":"cannot read R2: there is no such rollout"}`)
		}
	})
}

// TestFailedHosts: of the hosts that a rollout has left undone, people hear which the
// inventory no longer has, and which are to come.
func TestFailedHosts(t *testing.T) {
	for _, tt := range []struct{ phase, says string }{
		{"finished", "failed:R1 leaves out what the inventory no longer has: web3, web4, web5\n"},
		{"open", "failed:R1 leaves out what is to come or at work, as R1 has not ended: web5\nfailed:R1 leaves out what the inventory no longer has: web3, web4\n"},
	} {
		c := asking(t, ofRollout(tt.phase))
		var says bytes.Buffer
		c.in.app.Err = &says
		hosts, err := c.in.hosts(t.Context(), "failed:1")
		if err != nil || len(hosts) != 1 || hosts[0].Name != "web2" {
			t.Errorf("%s: the hosts are %v, %v; want web2", tt.phase, hosts, err)
		}
		if says.String() != tt.says {
			t.Errorf("%s: it says %q, want %q", tt.phase, &says, tt.says)
		}
	}
}

// TestFailedHostsOfDaemon: people hear it too where the daemon picks the hosts.
func TestFailedHostsOfDaemon(t *testing.T) {
	c := asking(t, ofRollout("finished"))
	for name, ask := range map[string]func() error{
		"health": func() error { return c.showHealth(t.Context(), "failed:R1") },
		"plan": func() error {
			return c.showPlan(t.Context(), []string{"shop"}, rolloutOptions{to: "failed:R1", mode: "install"})
		},
	} {
		var says bytes.Buffer
		c.in.app.Err = &says
		if err := ask(); err == nil { // the daemon of this test knows of neither
			t.Errorf("%s: no error", name)
		}
		if n := strings.Count(says.String(), "the inventory no longer has: web3, web4, web5"); n != 1 {
			t.Errorf("%s: it says %q, want once what is left out", name, &says)
		}
	}
}

// TestFailedHostsRefused: what a person got wrong is wrong usage, as for a group that there
// is not, and what the daemon cannot do is not.
func TestFailedHostsRefused(t *testing.T) {
	c := asking(t, ofRollout("finished"))
	for _, tt := range []struct {
		selector, want string
		status         int
	}{
		{"web,failed:R2", `selector "web,failed:R2", position 5: there is no rollout R2`, exitUsage},
		{"failed:x", `position 1: cannot read rollout id "x"`, exitUsage},
		{"failed:R1,!web2", "selects no host", exitUsage},
		{"failed:R3", `selector "failed:R3", position 1: the daemon is ending`, exitBegin},
	} {
		_, err := c.in.hosts(t.Context(), tt.selector)
		if exitStatus(err) != tt.status || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: status %d, %v; want %d, %s", tt.selector, exitStatus(err), err, tt.status, tt.want)
		}
	}
}

// TestCompleteFailed: after "failed:" the shell is offered the rollouts that have left
// hosts undone, newest first.
func TestCompleteFailed(t *testing.T) {
	c := asking(t, versioned(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"items":[{"type":"history","id":"R4"},{"type":"history","id":"R3","summary":{"done":3}},`+
			`{"type":"history","id":"R2","summary":{"done":1,"failed":1,"not_started":2}},{"type":"history","id":"R1","summary":{"returned":2,"stuck":1}}]}`)
	}))
	file := filepath.Join(c.in.State, "aptfleet.toml")
	if err := os.WriteFile(file, []byte("state = \".\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for begun, before := range map[string]string{"failed:": "", "web,!failed:R": "web,!"} {
		var out bytes.Buffer
		status := Main(t.Context(), []string{"__complete", "--config", file, "ping", begun}, Streams{In: http.NoBody, Out: &out, Err: io.Discard})
		want := before + "failed:R4\tnot finished\n" + before + "failed:R2\t1 done, 1 failed, 2 not started\n:"
		if status != exitDone || !strings.HasPrefix(out.String(), want) {
			t.Errorf("for %q, status %d: %q, want %q", begun, status, out.String(), want)
		}
	}
}
