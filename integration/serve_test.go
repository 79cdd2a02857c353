package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// daemon starts the daemon and waits until it answers.
func (f *fleet) daemon() *program {
	f.t.Helper()
	p := f.start("serve")
	until(f.t, "the daemon answers", func() bool {
		if p.over() {
			f.t.Fatalf("it ended (%v):\n%s", p.ProcessState, p.errs.String())
		}
		c, err := net.Dial("unix", f.path("state/api.sock"))
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
	return p
}

// TestDaemonKilled kills the daemon in the middle of apt and starts it again: it
// resumes by itself, who follows the rollout sees it to its end, and no host runs
// apt twice. Then it is restarted many times, by either signal.
func TestDaemonKilled(t *testing.T) {
	f := enrolledFleet(t, lab.Options{Count: 2})
	for _, h := range f.lab.Hosts() {
		f.put(h, faultFile, waiting)
	}
	d := f.daemon()
	p := f.start("rollout", "shop", "--to", group, "--yes", "--json")
	for _, h := range f.lab.Hosts() {
		until(t, h.Name()+" is in the middle of apt", func() bool { return strings.Contains(f.jobLog(h), "waiting for the story") })
	}
	f.must(d.Process.Kill())
	<-d.ended
	d = f.daemon()
	if end := f.do("status", "R1").end(t); end.Phase != "open" || end.Summary["running"] != 2 {
		t.Errorf("restarted, it says %+v", end)
	}
	for _, h := range f.lab.Hosts() {
		f.put(h, goFile, "")
	}
	<-p.ended
	a := answer{line: []string{"rollout"}, status: p.ProcessState.ExitCode(), stdout: p.out.String(), stderr: p.errs.String()}
	if end := a.end(t); a.status != 0 || end.Phase != "finished" || end.Summary["done"] != 2 {
		t.Errorf("who followed it saw %s", a)
	}
	for _, h := range f.lab.Hosts() {
		if f.count(h, "R1-*-apt-*") != 1 || f.version(h, "shop") != "1.0" {
			t.Errorf("%s has shop %s and ran apt %d times", h.Name(), f.version(h, "shop"), f.count(h, "R1-*-apt-*"))
		}
	}
	f.restarts(d)
}

// restart restarts a daemon fifty times, by either signal, and returns the last one.
func (f *fleet) restart(d *program) *program {
	f.t.Helper()
	for i := range 50 {
		sig := syscall.SIGTERM
		if i%2 == 0 {
			sig = syscall.SIGKILL
		}
		f.must(d.Process.Signal(sig))
		<-d.ended
		if sig == syscall.SIGTERM && d.ProcessState.ExitCode() != 0 {
			f.t.Fatalf("asked to end, it ended with %v:\n%s", d.ProcessState, d.errs.String())
		}
		d = f.daemon()
	}
	return d
}

// restarts restarts the daemon many times; what it knows stays.
func (f *fleet) restarts(d *program) {
	f.t.Helper()
	d = f.restart(d)
	if end := f.do("status", "R1").end(f.t); end.Summary["done"] != 2 {
		f.t.Errorf("after many restarts R1 is %+v", end)
	}
	if a := f.run("serve"); a.status != 1 || !strings.Contains(a.stderr, fmt.Sprintf("process %d has it", d.Process.Pid)) {
		f.t.Errorf("a second daemon: %s", a)
	}
}

// freeAddress returns an address of this machine at which nobody listens.
func (f *fleet) freeAddress() (address, port string) {
	f.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	address = l.Addr().String()
	f.must(l.Close())
	_, port, err = net.SplitHostPort(address)
	f.must(err)
	return address, port
}

// stranger asks a daemon over TCP.
type stranger struct {
	f    *fleet
	base string
	http *http.Client
}

// opened gives the daemon a door with TLS, and tokens: the one of ci, an operator,
// is returned.
func (f *fleet) opened() (*stranger, string) {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.must(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	f.must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	f.must(err)
	f.write("server.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	f.write("server.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	trusted, err := x509.ParseCertificate(der)
	f.must(err)
	pool := x509.NewCertPool()
	pool.AddCert(trusted)
	address, port := f.freeAddress()
	f.appendTo("aptfleet.toml", fmt.Sprintf("\n[server]\nlisten = \"0.0.0.0:%s\"\ntls_cert = \"server.crt\"\ntls_key = \"server.key\"\n", port))
	token := f.token("ci", "operator")
	return &stranger{f, "https://" + address, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}}, token
}

// token makes a token and puts it into the configuration.
func (f *fleet) token(name, role string) string {
	f.t.Helper()
	made := lines[struct{ Token, Hash string }](f.t, "token", f.do("token", "new", name, "--role", role).stdout)[0]
	f.appendTo("aptfleet.toml", fmt.Sprintf("[[server.tokens]]\nname = %q\nrole = %q\nhash = %q\n", name, role, made.Hash))
	return made.Token
}

// ask returns the status and the body of an answer.
func (r *stranger) ask(method, path, token, body string) (int, string) {
	r.f.t.Helper()
	req, err := http.NewRequestWithContext(r.f.t.Context(), method, r.base+path, strings.NewReader(body))
	r.f.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := r.http.Do(req)
	r.f.must(err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	r.f.must(err)
	return answer.StatusCode, string(data)
}

// TestDaemonRemote rolls out over TLS with a token, and changes the configuration
// under the running daemon: all of it counts, or nothing.
func TestDaemonRemote(t *testing.T) {
	f := enrolledFleet(t, lab.Options{Count: 1})
	r, ci := f.opened()
	d := f.daemon()
	d.says(f, `a certificate ends soon.*server\.crt`) // in an hour
	if status, body := r.ask("GET", "/v1/rollouts", "aptfleet_guessed", ""); status != http.StatusUnauthorized {
		t.Errorf("a wrong token is answered with %d: %s", status, body)
	}
	if status, body := r.ask("POST", "/v1/repository/prune", ci, ""); status != http.StatusForbidden {
		t.Errorf("too weak a role is answered with %d: %s", status, body)
	}
	status, body := r.ask("POST", "/v1/rollouts", ci, `{"packages":["shop"],"to":"`+group+`"}`)
	var begun ended
	f.must(json.Unmarshal([]byte(body), &begun))
	if status != http.StatusCreated || begun.ID != "R1" {
		t.Fatalf("a rollout is answered with %d: %s", status, body)
	}
	if status, body = r.ask("GET", "/v1/rollouts/R1/events?follow=true", ci, ""); status != 200 || !strings.Contains(body, `"event":"finished"`) {
		t.Errorf("its events are %d: %s", status, body)
	}
	if got := f.version(f.host(1), "shop"); got != "1.0" {
		t.Errorf("the host has shop %q", got)
	}
	if history := f.do("history").stdout; !strings.Contains(history, `"who":"token ci"`) || !strings.Contains(history, `"did":"refused"`) {
		t.Errorf("the history is %s", history)
	}
	f.reloads(d, r, ci)
}

// reloads changes the configuration under the daemon.
func (f *fleet) reloads(d *program, r *stranger, ci string) {
	f.t.Helper()
	good, err := os.ReadFile(f.path("aptfleet.toml"))
	f.must(err)
	eve := f.token("eve", "admin")
	f.appendTo("aptfleet.toml", "[[notify]]\nnme = 3\n")
	f.must(d.Process.Signal(syscall.SIGHUP))
	d.says(f, `the configuration stays as it was.*nme: unknown key`)
	if status, _ := r.ask("GET", "/v1/hosts", eve, ""); status != http.StatusUnauthorized {
		f.t.Errorf("of a configuration that is wrong a token counts: %d", status)
	}
	f.write("aptfleet.toml", strings.Replace(string(good), f.path("state"), f.path("other"), 1))
	f.must(d.Process.Signal(syscall.SIGHUP))
	d.says(f, `the configuration stays as it was.*state: cannot change`)
	f.write("aptfleet.toml", string(good))
	mary := f.token("mary", "viewer")
	f.must(d.Process.Signal(syscall.SIGHUP))
	d.says(f, `the configuration was read again`)
	if n := strings.Count(d.errs.String(), "a certificate ends soon"); n != 2 {
		f.t.Errorf("of a certificate that it had at its start and read again it warned %d times", n)
	}
	if status, _ := r.ask("GET", "/v1/hosts", mary, ""); status != http.StatusOK {
		f.t.Errorf("a new token does not count: %d", status)
	}
	if status, _ := r.ask("GET", "/v1/hosts", ci, ""); status != http.StatusOK {
		f.t.Errorf("an old token does not count any more: %d", status)
	}
}
