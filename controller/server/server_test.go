package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/access"
)

func tlsListener(l net.Listener, with *httptest.Server) net.Listener {
	return tls.NewListener(l, &tls.Config{Certificates: with.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}})
}

// exchange is one request of each operation that is answered well.
var exchanges = []struct {
	method, path, body string
	status             int
}{
	{"GET", "/v1/version", "", 200},
	{"GET", "/v1/openapi.yaml", "", 200},
	{"GET", "/v1/rollouts", "", 200},
	{"POST", "/v1/rollouts", `{"packages":["shop-web"],"to":"web","batches":["1","10%"]}`, 201},
	{"POST", "/v1/plans", `{"packages":["shop-web"],"to":"web"}`, 200},
	{"GET", "/v1/rollouts/R7", "", 200},
	{"GET", "/v1/rollouts/R7/events?after=1", "", 200},
	{"GET", "/v1/rollouts/R7/progress", "", 200},
	{"GET", "/v1/rollouts/R7/logs/web1", "", 200},
	{"POST", "/v1/rollouts/R7/resume", "", 202},
	{"POST", "/v1/rollouts/R7/retry", `{"hosts":["web1"]}`, 202},
	{"POST", "/v1/rollouts/R7/rollback", `{"to":"web"}`, 202},
	{"POST", "/v1/rollouts/R7/continue", "{}", 202},
	{"POST", "/v1/rollouts/R7/abort", "", 202},
	{"GET", "/v1/actions", "", 200},
	{"GET", "/v1/hosts?selector=web", "", 200},
	{"POST", "/v1/hosts/ping", `{"selector":"all"}`, 200},
	{"POST", "/v1/hosts/enroll", `{"selector":"all"}`, 200},
	{"DELETE", "/v1/hosts/web1/agent", "", 204},
	{"GET", "/v1/health", "", 200},
	{"GET", "/v1/packages?suite=stable", "", 200},
	{"POST", "/v1/suites/stable/packages", "!<arch>", 200},
	{"DELETE", "/v1/suites/stable/packages/shop-web/1:1.0%7Erc1-2", "", 204},
	{"POST", "/v1/repository/promote", `{"package":"shop-web","version":"1.1","from":"nightly","to":"stable"}`, 200},
	{"POST", "/v1/repository/verify", "", 200},
	{"POST", "/v1/repository/sign", "", 204},
	{"POST", "/v1/repository/prune", `{"keep":3}`, 200},
	{"GET", "/v1/schedules", "", 200},
	{"POST", "/v1/schedules/nightly/run", "", 204},
	{"POST", "/v1/schedules/nightly/pause", "", 204},
	{"POST", "/v1/schedules/nightly/continue", "", 204},
	{"GET", "/metrics", "", 200},
}

func kindOf(path, body string) string {
	switch {
	case body == "":
		return ""
	case strings.HasPrefix(path, "/v1/suites/"):
		return "application/vnd.debian.binary-package"
	}
	return "application/json"
}

// TestEachOperation asks for everything on both listeners, with each token. What
// happens is as described, which the client checks, and takes the role that is.
func TestEachOperation(t *testing.T) {
	r := start(t)
	if len(exchanges) != len(routes()) {
		t.Errorf("%d operations are tested, and there are %d", len(exchanges), len(routes()))
	}
	for i, e := range exchanges {
		role := routes()[i].role
		for _, token := range []string{"viewer", "operator", "admin"} {
			want := e.status
			if !access.Role(token).May(role) {
				want = http.StatusForbidden
			}
			if answer, body := r.remote.do(e.method, e.path, r.tokens[token], kindOf(e.path, e.body), e.body); answer.StatusCode != want {
				t.Errorf("%s %s by %s is answered with %s, want %d: %s", e.method, e.path, token, answer.Status, want, body)
			}
		}
		for _, token := range []string{"", "wrong", r.tokens["expired"]} {
			answer, body := r.remote.do(e.method, e.path, token, kindOf(e.path, e.body), e.body)
			if answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s by %q is answered with %s: %s", e.method, e.path, token, answer.Status, body)
			}
		}
		if answer, body := r.local.do(e.method, e.path, "", kindOf(e.path, e.body), e.body); answer.StatusCode != e.status {
			t.Errorf("%s %s at the socket is answered with %s: %s", e.method, e.path, answer.Status, body)
		}
	}
	if left, err := filepath.Glob(filepath.Join(r.scratch, "upload-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind is %v, %v", left, err)
	}
	for _, secret := range r.tokens {
		if strings.Contains(r.log.String(), secret) {
			t.Error("a token is in the log")
		}
	}
}

// TestWho: the history and the rollouts have who did something, or was refused.
func TestWho(t *testing.T) {
	r := start(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	const promote = `{"package":"shop-web","version":"1.1","from":"nightly","to":"stable"}`
	r.remote.do("POST", "/v1/repository/promote", r.tokens["operator"], "application/json", promote)
	r.local.do("POST", "/v1/repository/promote", "", "application/json", promote)
	r.remote.do("POST", "/v1/suites/taken/packages", r.tokens["operator"], kindOf("/v1/suites/", "x"), "x")
	r.remote.do("POST", "/v1/hosts/enroll", r.tokens["viewer"], "application/json", `{"selector":"all"}`)
	r.remote.do("GET", "/v1/nothing", "guessed", "", "")
	r.remote.do("POST", "/v1/rollouts", r.tokens["operator"], "application/json", `{"packages":["shop-web"],"to":"web"}`)
	var got []string
	for _, a := range r.recorded() {
		by, _, _ := strings.Cut(a.By, "127.0.0.1:") // the port is anything
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", by, a.Did, a.What, a.Error)))
	}
	want := []string{
		"token operator promote shop-web 1.1 from nightly to stable",
		me.Username + " promote shop-web 1.1 from nightly to stable",
		"token operator publish to taken cannot publish package.deb: published already with other content: raise the version",
		"token viewer refused POST /v1/hosts/enroll token viewer is viewer, and this takes admin",
		"refused GET /v1/nothing nobody has this token",
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if did := r.done(); !slices.Equal(did, []string{"token operator: create [shop-web] to web"}) {
		t.Errorf("done was %v", did)
	}
}

// TestRefused: whoever comes without a token, with a wrong one, with one that is over or
// that may too little is told why, does nothing, and is in the history and the metrics.
func TestRefused(t *testing.T) {
	const path = "/v1/hosts/web1/agent"
	for _, tt := range []struct {
		name, header string // %s is the token of a role
		role         string
		status       int
		by, says     string // by "" is the address
	}{
		{"no header", "", "", 401, "", `a token is needed: "Authorization: Bearer TOKEN"`},
		{"no token", "Bearer ", "", 401, "", `a token is needed: "Authorization: Bearer TOKEN"`},
		{"another scheme", "Basic %s", "admin", 401, "", `a token is needed: "Authorization: Bearer TOKEN"`},
		{"a guessed token", "Bearer aptfleet_guessed", "", 401, "", "nobody has this token"},
		{"one more letter", "Bearer %sx", "admin", 401, "", "nobody has this token"},
		{"expired", "Bearer %s", "expired", 401, "token expired", "this token has expired"},
		{"a viewer", "Bearer %s", "viewer", 403, "token viewer", "token viewer is viewer, and this takes admin"},
		{"an operator", "Bearer %s", "operator", 403, "token operator", "token operator is operator, and this takes admin"},
	} {
		r := start(t)
		req, err := http.NewRequestWithContext(t.Context(), "DELETE", r.remote.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.header != "" {
			req.Header.Set("Authorization", strings.Replace(tt.header, "%s", r.tokens[tt.role], 1))
		}
		answer, err := r.remote.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var p Problem
		if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
			t.Errorf("%s: the answer cannot be read: %v", tt.name, err)
		}
		answer.Body.Close()
		if answer.StatusCode != tt.status || p.Status != tt.status || p.Detail != tt.says || (answer.Header.Get("WWW-Authenticate") != "") != (tt.status == 401) {
			t.Errorf("%s is answered with %s, %q: %+v", tt.name, answer.Status, answer.Header.Get("WWW-Authenticate"), p)
		}
		if tt.by == "" {
			tt.by = "127.0.0.1:"
		}
		all := r.recorded()
		if len(all) != 1 || !strings.HasPrefix(all[0].By, tt.by) || all[0].Did != "refused" || all[0].What != "DELETE "+path || all[0].Error != tt.says {
			t.Errorf("%s: recorded is %+v", tt.name, all)
		}
		if did := r.done(); len(did) > 0 {
			t.Errorf("%s: done was %v", tt.name, did)
		}
		if _, body := r.remote.do("GET", "/metrics", r.tokens["viewer"], "", ""); !bytes.Contains(body, []byte("aptfleet_api_refused_total 1\n")) {
			t.Errorf("%s is not counted", tt.name)
		}
	}
}

// TestBehindSudo: a person is named at the socket, and nowhere else.
func TestBehindSudo(t *testing.T) {
	r := start(t)
	ask := func(c *checked, token, person string) {
		req, err := http.NewRequestWithContext(t.Context(), "DELETE", c.base+"/v1/hosts/web1/agent", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(OnBehalf, person)
		req.Header.Set("Authorization", "Bearer "+token)
		answer, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	ask(r.local, "", "ada")
	ask(r.local, "", "ada\tforget web2")
	ask(r.remote, r.tokens["admin"], "ada")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ada as " + me.Username + ": forget web1", me.Username + ": forget web1", "token admin: forget web1"}
	if did := r.done(); !slices.Equal(did, want) {
		t.Errorf("done was %v, want %v", did, want)
	}
}

// TestRefusalsAreBounded: whoever guesses tokens does not fill the history.
func TestRefusalsAreBounded(t *testing.T) {
	r := start(t)
	for range 200 {
		r.remote.do("GET", "/v1/rollouts", "guessed", "", "")
	}
	if n := len(r.recorded()); n < 1 || n > 100 {
		t.Errorf("of 200 refusals %d are recorded", n)
	}
}

func TestProblems(t *testing.T) {
	r := start(t)
	for _, tt := range []struct {
		method, path, kind, body string
		status                   int
		want                     string // in the answer
	}{
		{"GET", "/v1/rollouts/R8", "", "", 404, `"detail":"cannot read R8: there is no such rollout"`},
		{"GET", "/v1/rollouts/x", "", "", 400, `"key":"id"`},
		{"GET", "/v1/rollouts/R8/events", "", "", 404, "no such rollout"},
		{"GET", "/v1/rollouts/R8/progress", "", "", 404, "no such rollout"},
		{"GET", "/v1/rollouts/R7/events?after=x", "", "", 400, `"key":"after"`},
		{"GET", "/v1/rollouts/R7/events?follow=maybe", "", "", 400, `"key":"follow"`},
		{"GET", "/v1/hosts?group=web", "", "", 400, `"key":"group"`},
		{"GET", "/v1/rollouts/R7/logs/web9", "", "", 404, `"host":"web9"`},
		{"POST", "/v1/rollouts", "application/json", `{"to":"nobody"}`, 400, `"key":"to"`},
		{"POST", "/v1/rollouts", "application/json", `{"two":"web"}`, 400, `"key":"two"`},
		{"POST", "/v1/rollouts", "application/json", `{"parallel":"many"}`, 400, `"key":"parallel"`},
		{"POST", "/v1/rollouts", "application/json", `{"to":`, 400, "cannot read the request"},
		{"POST", "/v1/rollouts", "application/json", `{} {}`, 400, "something follows"},
		{"POST", "/v1/rollouts", "text/plain", `{}`, 415, "application/json"},
		{"POST", "/v1/rollouts", "application/json", strings.Repeat(" ", maxBody+1), 413, "too large"},
		{"POST", "/v1/rollouts/R7/abort", "application/json", `{"hosts":["web1"]}`, 400, "retry"},
		{"POST", "/v1/suites/stable/packages", "application/zip", "PK", 415, "debian"},
		{"POST", "/v1/repository/promote", "application/json", `{"package":"x"}`, 400, "must be said"},
		{"POST", "/v1/repository/prune", "application/json", `{"keep":-1}`, 400, `"key":"keep"`},
		{"GET", "/v1/packages?suite=none", "", "", 404, "no such suite"},
		{"PUT", "/v1/rollouts", "", "", 405, "does not take PUT"},
		{"GET", "/v2/rollouts", "", "", 404, "there is no /v2/rollouts"},
		{"GET", "/", "", "", 404, "there is no /"},
	} {
		answer, body := r.remote.do(tt.method, tt.path, r.tokens["admin"], tt.kind, tt.body)
		if answer.StatusCode != tt.status || !strings.Contains(string(body), tt.want) || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %.40s is answered with %s: %s", tt.method, tt.path, tt.body, answer.Status, body)
		}
	}
	if answer, _ := r.remote.do("OPTIONS", "/v1/rollouts", r.tokens["admin"], "", ""); answer.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("other sites are let in")
	}
}

// follow begins to follow R7 after an event.
func (r running) follow(t *testing.T, after int) (*bufio.Scanner, io.Closer) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("%s/v1/rollouts/R7/events?follow=true&after=%d", r.local.base, after), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.local.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return bufio.NewScanner(answer.Body), answer.Body
}

func next(t *testing.T, s *bufio.Scanner) (e struct {
	Type     string
	Sequence int
	Detail   string
	Status   int
}) {
	t.Helper()
	for s.Scan() {
		if len(s.Bytes()) > 0 {
			if err := json.Unmarshal(s.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			return e
		}
	}
	t.Fatalf("the stream ended: %v", s.Err())
	return e
}

// TestStream: events come as they happen, a client that leaves is noticed, one
// that comes back gets what it has not seen, and damage is the last line.
func TestStream(t *testing.T) {
	r := start(t)
	events, body := r.follow(t, 2)
	if e := next(t, events); e.Sequence != 3 {
		t.Errorf("after 2 comes %+v", e)
	}
	r.more <- object("event", "sequence", 4)
	if e := next(t, events); e.Sequence != 4 {
		t.Errorf("after 3 comes %+v", e)
	}
	body.Close()
	for !slices.Contains(r.done(), "no longer followed") {
		time.Sleep(time.Millisecond)
	}
	events, body = r.follow(t, 3)
	defer body.Close()
	r.more <- object("event", "sequence", 4)
	if e := next(t, events); e.Sequence != 4 {
		t.Errorf("after 3 comes %+v", e)
	}
	r.more <- nil
	if e := next(t, events); e.Type != "problem" || e.Status != 500 || !strings.Contains(e.Detail, "damaged") {
		t.Errorf("damage is told as %+v", e)
	}
	if events.Scan() {
		t.Errorf("and then comes %s", events.Bytes())
	}
}

// TestEnding: streams end with the daemon, and say so.
func TestEnding(t *testing.T) {
	r := start(t)
	events, body := r.follow(t, 2)
	defer body.Close()
	next(t, events)
	go r.stop()
	if e := next(t, events); e.Type != "problem" || e.Status != http.StatusServiceUnavailable {
		t.Errorf("the end is told as %+v", e)
	}
}

// TestSocket: only its owner and root can open it, and one that a dead daemon
// left is replaced.
func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api.sock")
	for range 2 {
		l, err := ListenLocal(path)
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the socket is %v, %v", info, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPlainText: without TLS a remote listener gives nothing away.
func TestPlainText(t *testing.T) {
	r := start(t)
	answer, err := http.Get("http://" + r.address + "/v1/version")
	if err != nil {
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		t.Error("it answers in the clear")
	}
}
