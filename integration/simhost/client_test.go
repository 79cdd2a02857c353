package simhost

import (
	"bytes"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// client reaches the hosts of one fleet, checking their keys.
type client struct {
	t       *testing.T
	fleet   *Fleet
	key     ssh.Signer
	check   ssh.HostKeyCallback
	types   []string // of host keys
	patient time.Duration
}

func start(t *testing.T, o Options) *client {
	t.Helper()
	fleet, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fleet.Close)
	files, err := fleet.WriteFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key, err := fleet.ClientKey()
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, fleet, key, knownHosts(t, files.KnownHosts), []string{ssh.KeyAlgoED25519}, time.Minute}
}

func knownHosts(t *testing.T, path string) ssh.HostKeyCallback {
	t.Helper()
	check, err := knownhosts.New(path)
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	return check
}

func (c *client) dial(host int) (*ssh.Client, error) {
	address := c.fleet.Address(host).String()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return c.over(conn, address)
}

func (c *client) over(conn net.Conn, address string) (*ssh.Client, error) {
	impatient := time.AfterFunc(c.patient, func() { conn.Close() })
	defer impatient.Stop()
	sc, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(c.key)},
		HostKeyCallback: c.check, HostKeyAlgorithms: c.types,
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return ssh.NewClient(sc, channels, requests), nil
}

func (c *client) mustDial(host int) *ssh.Client {
	c.t.Helper()
	conn, err := c.dial(host)
	if err != nil {
		c.t.Fatalf("host %d: %v", host, err)
	}
	c.t.Cleanup(func() { conn.Close() })
	return conn
}

// lost is the status of a command whose end nobody told.
const lost = -1

// run runs a command on a new connection.
func (c *client) run(host int, stdin, line string) (stdout, stderr string, status int) {
	c.t.Helper()
	conn := c.mustDial(host)
	defer conn.Close()
	session, err := conn.NewSession()
	if err != nil {
		c.t.Fatalf("host %d: %v", host, err)
	}
	var out, problems bytes.Buffer
	session.Stdin, session.Stdout, session.Stderr = strings.NewReader(stdin), &out, &problems
	var exit *ssh.ExitError
	switch err := session.Run(line); {
	case err == nil:
	case errors.As(err, &exit):
		status = exit.ExitStatus()
	default:
		status = lost
	}
	return out.String(), problems.String(), status
}

// await polls until the counters are as wanted; the test binary's own time
// limit ends it if they never are.
func (c *client) await(wanted func(Counters) bool) {
	for !wanted(c.fleet.Counters()) {
		time.Sleep(time.Millisecond)
	}
}
