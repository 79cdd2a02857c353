package simhost

import (
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// loginGrace is how long a client may take to authenticate, as sshd's
// LoginGraceTime.
const loginGrace = 120 * time.Second

// connection is one client at one host.
type connection struct {
	*ssh.ServerConn
	fleet *Fleet
	host  int
	fault Fault
}

// serve plays a host on one connection, until it ends. The caller closes c.
func (f *Fleet) serve(c net.Conn, host int) {
	fault := f.options.Fault(host)
	switch fault {
	case Refuse:
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // the close that follows resets the connection
		}
		return
	case Mute:
		_, _ = io.Copy(io.Discard, c) // until the client gives up
		return
	}
	if f.options.RTT > 0 || f.options.Jitter > 0 {
		slow := delay(c, f.options.RTT, f.options.Jitter)
		defer slow.Close()
		c = slow
	}
	if conn, channels, requests := f.handshake(c, host, fault); conn != nil {
		conn.serve(channels, requests)
	}
}

// handshake lets a client in; it returns nil if it may not or does not come in.
func (f *Fleet) handshake(c net.Conn, host int, fault Fault) (*connection, <-chan ssh.NewChannel, <-chan *ssh.Request) {
	if !f.beginStartup(host) {
		f.tally.refusedStartups.Add(1)
		_, _ = io.WriteString(c, "Exceeded MaxStartups\r\n") // sshd.c says it in place of its version
		return nil, nil, nil
	}
	defer f.endStartup(host)
	config, err := f.config(host, fault)
	if err != nil {
		f.options.Log.Warn("cannot play a host", "host", host, "error", err)
		return nil, nil, nil
	}
	_ = c.SetDeadline(time.Now().Add(loginGrace)) // fails on a closed connection, which the handshake sees too
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		f.tally.handshakeErrors.Add(1)
		f.options.Log.Debug("no handshake", "host", host, "error", err)
		return nil, nil, nil
	}
	_ = c.SetDeadline(time.Time{})
	f.tally.enter(keyExchange(conn))
	return &connection{conn, f, host, fault}, channels, requests
}

// config is what a host's sshd would have read at its start.
func (f *Fleet) config(host int, fault Fault) (*ssh.ServerConfig, error) {
	keys, err := f.keys.shown(host, f.Address(host).Addr().String(), fault)
	if err != nil {
		return nil, err
	}
	config := &ssh.ServerConfig{
		Config: f.options.Crypto, ServerVersion: f.options.Banner,
		PublicKeyCallback: f.clients.admit, MaxAuthTries: 6,
	}
	if fault == NoAuth {
		config.PublicKeyCallback = refuseAll
	}
	for _, key := range keys {
		config.AddHostKey(key)
	}
	return config, nil
}

func keyExchange(conn *ssh.ServerConn) string {
	if negotiated, ok := conn.Conn.(ssh.AlgorithmsConnMetadata); ok {
		return negotiated.Algorithms().KeyExchange
	}
	return "unknown"
}

func (f *Fleet) beginStartup(host int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.options.MaxStartups.refuses(f.waiting[host]) {
		return false
	}
	f.waiting[host]++
	return true
}

func (f *Fleet) endStartup(host int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting[host]--; f.waiting[host] <= 0 {
		delete(f.waiting, host)
	}
}
