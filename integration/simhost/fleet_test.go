package simhost

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestEveryHostIsItself(t *testing.T) {
	for _, each := range []bool{false, true} {
		c := start(t, Options{Hosts: 300, Each: each}) // more than a byte of the address holds
		var all sync.WaitGroup
		for _, host := range []int{0, 1, 254, 255, 256, 299} {
			all.Go(func() {
				conn, err := c.dial(host)
				if err != nil {
					t.Errorf("host %d: %v", host, err)
					return
				}
				conn.Close()
			})
		}
		all.Wait()
		if out, _, _ := c.run(299, "", "uname -a"); !strings.HasPrefix(out, "Linux sim00299 ") {
			t.Errorf("each %v: host 299 says it is %q", each, out)
		}
		// A host may hear of the end of its handshake after the client is gone.
		c.await(func(n Counters) bool { return n.Handshakes+n.HandshakeErrors == 7 && n.Live == 0 })
		if got := c.fleet.Counters(); got.Commands != 1 || got.KeyExchanges[ssh.KeyExchangeMLKEM768X25519] != got.Handshakes {
			t.Errorf("each %v: counted %+v", each, got)
		}
	}
}

func TestAddressOutsideOfTheFleet(t *testing.T) {
	c := start(t, Options{Hosts: 2})
	if conn, err := c.dial(2); err == nil {
		conn.Close()
		t.Error("a host that does not exist let us in")
	}
}

func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options Options
		algos   []string
	}{
		{"plain", Options{}, []string{ssh.KeyAlgoED25519}},
		{"ecdsa", Options{KeyTypes: []KeyType{Ed25519, ECDSA}}, []string{ssh.KeyAlgoECDSA256}},
		{"rsa", Options{KeyTypes: []KeyType{RSA}}, []string{ssh.KeyAlgoRSASHA256}},
		{"certificate", Options{Certificates: true}, []string{ssh.CertAlgoED25519v01}},
		{"certificate of ecdsa", Options{Certificates: true, KeyTypes: []KeyType{ECDSA}}, []string{ssh.CertAlgoECDSA256v01}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.Hosts, tt.options.Fault = 3, func(host int) Fault { return map[int]Fault{2: WrongKey}[host] }
			c := start(t, tt.options)
			c.types = append(tt.algos, ssh.KeyAlgoED25519)
			c.mustDial(0)
			c.mustDial(1)
			if conn, err := c.dial(2); err == nil {
				conn.Close()
				t.Error("a host with another key than its own let us in")
			}
		})
	}
}

func TestSeed(t *testing.T) {
	first, again, other := start(t, Options{Seed: "a"}), start(t, Options{Seed: "a"}), start(t, Options{Seed: "b"})
	if string(first.key.PublicKey().Marshal()) != string(again.key.PublicKey().Marshal()) {
		t.Error("one seed made two client keys")
	}
	other.check = ssh.InsecureIgnoreHostKey()
	other.key = first.key
	if conn, err := other.dial(0); err == nil {
		conn.Close()
		t.Error("the key of one seed opens a fleet of another")
	}
}

func TestHashedKnownHosts(t *testing.T) {
	c := start(t, Options{Hosts: 2})
	files, err := c.fleet.WriteFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(files.Hashed)
	if err != nil || strings.Contains(string(text), "127.") || strings.Count(string(text), "|1|") != 2 {
		t.Fatalf("hashed known hosts, error %v:\n%s", err, text)
	}
	c.check = knownHosts(t, files.Hashed)
	c.mustDial(1)
}

func TestUserCertificate(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	c, stranger := start(t, Options{UserAuthority: authority.PublicKey()}), start(t, Options{})
	cert := &ssh.Certificate{Key: c.key.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"root"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	if c.key, err = ssh.NewCertSigner(cert, c.key); err != nil {
		t.Fatal(err)
	}
	c.mustDial(0)
	stranger.key = c.key
	if conn, err := stranger.dial(0); err == nil {
		conn.Close()
		t.Error("a host took a certificate of an authority that it does not know")
	}
}

func TestConnectionFaults(t *testing.T) {
	for _, each := range []bool{false, true} {
		broken := map[int]Fault{1: Refuse, 2: Mute, 3: NoAuth}
		c := start(t, Options{Hosts: 5, Each: each, Fault: func(host int) Fault { return broken[host] }})
		c.mustDial(0)
		for host, want := range map[int]string{1: "connection re", 2: "closed", 3: "unable to authenticate"} {
			c.patient = time.Minute
			if broken[host] == Mute {
				c.patient = 200 * time.Millisecond
			}
			conn, err := c.dial(host)
			if err == nil {
				conn.Close()
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("each %v, %s: error %v, want %q", each, broken[host], err, want)
			}
		}
	}
}

func TestCommandFaults(t *testing.T) {
	broken := map[int]Fault{1: Lock, 2: Fail, 3: Drop, 4: Slow}
	c := start(t, Options{Hosts: 6, Slow: 30 * time.Millisecond, Fault: func(host int) Fault { return broken[host] }})
	for host, want := range map[int]struct {
		status int
		said   string
	}{0: {0, ""}, 1: {100, "is held by process 1001"}, 2: {100, "post-installation script"}, 3: {lost, ""}, 4: {0, ""}} {
		out, problems, status := c.run(host, "", "apt-get -y install web")
		if status != want.status || !strings.Contains(problems, want.said) {
			t.Errorf("host %d (%s): status %d, stdout %q, stderr %q", host, broken[host], status, out, problems)
		}
		if broken[host] == Drop && (!strings.Contains(out, "Reading") || strings.Contains(out, "Setting up")) {
			t.Errorf("a connection lost in the middle gave %q", out)
		}
	}
}

func TestMendedHost(t *testing.T) {
	var mu sync.Mutex
	fault := NoAuth
	c := start(t, Options{Fault: func(int) Fault { mu.Lock(); defer mu.Unlock(); return fault }})
	if _, err := c.dial(0); err == nil {
		t.Fatal("a broken host let us in")
	}
	mu.Lock()
	fault = None
	mu.Unlock()
	c.mustDial(0)
}

func TestHangAndCut(t *testing.T) {
	c := start(t, Options{Fault: func(int) Fault { return Hang }})
	conn := c.mustDial(0)
	session, err := conn.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start("true"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }()
	conn.Close()
	if err := <-ended; err == nil {
		t.Error("a command that never ends ended well")
	}
}

func TestMaxSessions(t *testing.T) {
	c := start(t, Options{MaxSessions: 3})
	conn := c.mustDial(0)
	for range 3 {
		if _, err := conn.NewSession(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.NewSession(); err == nil || !strings.Contains(err.Error(), "open failed") {
		t.Errorf("the fourth session: error %v", err)
	}
	if got := c.fleet.Counters(); got.Sessions != 3 || got.RefusedSessions != 1 {
		t.Errorf("counted %+v", got)
	}
}

func TestMaxStartups(t *testing.T) {
	c := start(t, Options{Hosts: 2, MaxStartups: Startups{1, 100, 1}})
	c.mustDial(0).Close()
	c.await(func(n Counters) bool { return len(n.KeyExchanges) == 1 }) // it counts as begun until the host has noticed, too
	c.await(func(n Counters) bool { return n.Live == 0 })
	hold := make(chan struct{})
	check := c.check
	blocked := *c
	begun := make(chan struct{})
	blocked.check = func(h string, a net.Addr, k ssh.PublicKey) error { close(begun); <-hold; return check(h, a, k) }
	first := make(chan error, 1)
	go func() {
		conn, err := blocked.dial(0)
		if err == nil {
			conn.Close()
		}
		first <- err
	}()
	<-begun
	if _, err := c.dial(0); err == nil {
		t.Error("a second connection was let in while one was not authenticated")
	}
	c.mustDial(1) // the limit is each host's own
	close(hold)
	if err := <-first; err != nil {
		t.Errorf("the first connection: %v", err)
	}
	if got := c.fleet.Counters().RefusedStartups; got != 1 {
		t.Errorf("counted %d refused startups", got)
	}
}

func TestBastion(t *testing.T) {
	c := start(t, Options{Hosts: 3})
	bastion := c.mustDial(0)
	conn, err := bastion.Dial("tcp", c.fleet.Address(2).String())
	if err != nil {
		t.Fatal(err)
	}
	behind, err := c.over(conn, c.fleet.Address(2).String())
	if err != nil {
		t.Fatal(err)
	}
	session, err := behind.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := session.Output("uname"); err != nil || !strings.Contains(string(out), "sim00002") {
		t.Errorf("behind the bastion: %q, error %v", out, err)
	}
	if _, err := bastion.Dial("tcp", "127.0.0.1:22"); err == nil {
		t.Error("a bastion connected outside of the fleet")
	}
	if got := c.fleet.Counters().Forwards; got != 1 {
		t.Errorf("counted %d forwards", got)
	}
}

func TestSignal(t *testing.T) {
	session, err := start(t, Options{}).mustDial(0).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start("sleep 1000"); err != nil {
		t.Fatal(err)
	}
	if err := session.Signal(ssh.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *ssh.ExitError
	if err := session.Wait(); !errors.As(err, &exit) || exit.Signal() != "TERM" {
		t.Errorf("a command that was sent SIGTERM ended with %v", err)
	}
}

// A command's end must not overtake the answer that it was begun: clients take
// that for a lost connection.
func TestReplyComesBeforeTheEnd(t *testing.T) {
	c := start(t, Options{Script: func(context.Context, Command) int { return 0 }})
	conn := c.mustDial(0)
	for i := range 2000 {
		session, err := conn.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if err := session.Run("true"); err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
		session.Close()
	}
}

func TestScriptOfOnesOwn(t *testing.T) {
	c := start(t, Options{Hosts: 2, Script: func(_ context.Context, c Command) int {
		given, _ := io.ReadAll(c.Stdin)
		io.WriteString(c.Stdout, c.Line+" "+c.User+" "+string(given))
		return 40 + c.Host
	}})
	if out, _, status := c.run(1, "stdin", "any 'thing'"); out != "any 'thing' root stdin" || status != 41 {
		t.Errorf("status %d, output %q", status, out)
	}
}

func TestRoundTrips(t *testing.T) {
	const rtt = 20 * time.Millisecond
	c := start(t, Options{RTT: rtt, Jitter: time.Millisecond})
	begun := time.Now()
	conn := c.mustDial(0)
	// TCP, versions, key exchange, service, "none", query, signature: 7, of
	// which the client may save one by sending its version early.
	if took := time.Since(begun); took < 6*rtt {
		t.Errorf("a handshake took %v, less than six round trips", took)
	}
	begun = time.Now()
	session, err := conn.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := session.Output("emit 2000 80"); err != nil || len(out) != 160000 {
		t.Errorf("got %d bytes, error %v", len(out), err)
	}
	if took := time.Since(begun); took < 2*rtt {
		t.Errorf("a command took %v, less than two round trips", took)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	fleet, err := Start(Options{Hosts: 2, RTT: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, fleet: fleet, check: ssh.InsecureIgnoreHostKey(), patient: time.Minute}
	if c.key, err = fleet.ClientKey(); err != nil {
		t.Fatal(err)
	}
	session, err := c.mustDial(1).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start("sleep 1000"); err != nil {
		t.Fatal(err)
	}
	fleet.Close()
	if err := session.Wait(); err == nil {
		t.Error("a command outlived its fleet")
	}
	if _, err := c.dial(0); err == nil {
		t.Error("a closed fleet let us in")
	}
	if live := fleet.Counters().Live; live != 0 {
		t.Errorf("%d connections live in a closed fleet", live)
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{
		{Hosts: -1}, {Hosts: 1 << 24}, {Port: 70000}, {RTT: -1}, {KeyTypes: []KeyType{"dsa"}}, {MaxStartups: Startups{10, 0, 5}},
	} {
		if fleet, err := Start(o); err == nil {
			fleet.Close()
			t.Errorf("%+v was accepted", o)
		}
	}
}
