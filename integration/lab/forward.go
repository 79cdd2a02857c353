package lab

import (
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// forwards is the port forwarding of one SSH connection, in both directions
// (RFC 4254, section 7).
type forwards struct {
	conn ssh.Conn
	wg   *sync.WaitGroup

	mu        sync.Mutex
	listeners map[endpoint]net.Listener
}

// endpoint is an address in the messages of section 7.
type endpoint struct {
	Host string
	Port uint32
}

func (e endpoint) String() string { return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))) }

func endpointOf(a net.Addr) endpoint {
	tcp := a.(*net.TCPAddr)
	return endpoint{tcp.IP.String(), uint32(tcp.Port)}
}

// tunnel is the payload that opens a channel of forwarded data: where it was
// meant to go, and where it came from.
type tunnel struct {
	ToHost   string
	ToPort   uint32
	FromHost string
	FromPort uint32
}

// serve answers the connection's global requests. A keep-alive is refused, as
// sshd does it, which is an answer.
func (f *forwards) serve(requests <-chan *ssh.Request) {
	for r := range requests {
		var at endpoint
		switch {
		case r.Type == "tcpip-forward" && ssh.Unmarshal(r.Payload, &at) == nil:
			port, err := f.listen(at)
			_ = r.Reply(err == nil, ssh.Marshal(struct{ Port uint32 }{port})) // the loop ends with the connection
		case r.Type == "cancel-tcpip-forward" && ssh.Unmarshal(r.Payload, &at) == nil:
			_ = r.Reply(f.cancel(at), nil)
		default:
			_ = r.Reply(false, nil)
		}
	}
}

// listen listens for the client at an address of the host, and returns the
// port. Like sshd without GatewayPorts it does so on loopback alone.
func (f *forwards) listen(at endpoint) (uint32, error) {
	l, err := net.Listen("tcp", endpoint{"127.0.0.1", at.Port}.String())
	if err != nil {
		return 0, err
	}
	at.Port = endpointOf(l.Addr()).Port
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listeners == nil {
		f.listeners = map[endpoint]net.Listener{}
	}
	f.listeners[at] = l
	f.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.wg.Go(func() { f.forward(conn, at) })
		}
	})
	return at.Port, nil
}

// forward hands the client a connection that came to at.
func (f *forwards) forward(conn net.Conn, at endpoint) {
	defer conn.Close()
	from := endpointOf(conn.RemoteAddr())
	ch, requests, err := f.conn.OpenChannel("forwarded-tcpip",
		ssh.Marshal(tunnel{at.Host, at.Port, from.Host, from.Port}))
	if err != nil {
		return
	}
	f.wg.Go(func() { ssh.DiscardRequests(requests) })
	f.splice(ch, conn)
}

// direct connects the client to an address that the host can reach, as a jump
// host does.
func (f *forwards) direct(c ssh.NewChannel) {
	var t tunnel
	if err := ssh.Unmarshal(c.ExtraData(), &t); err != nil {
		_ = c.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	conn, err := net.DialTimeout("tcp", endpoint{t.ToHost, t.ToPort}.String(), 10*time.Second)
	if err != nil {
		_ = c.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer conn.Close()
	ch, requests, err := c.Accept()
	if err != nil {
		return
	}
	f.wg.Go(func() { ssh.DiscardRequests(requests) })
	f.splice(ch, conn)
}

// splice copies in both directions until both have ended, or the SSH
// connection has, and closes ch.
func (f *forwards) splice(ch ssh.Channel, conn net.Conn) {
	f.wg.Go(func() {
		_ = f.conn.Wait() // why it ended is nothing to the forwarded one
		_ = conn.Close()
	})
	var out sync.WaitGroup
	out.Go(func() {
		_, _ = io.Copy(conn, ch) // whichever side fails, both are closed below
		_ = conn.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(ch, conn)
	_ = ch.CloseWrite()
	out.Wait()
	_ = ch.Close()
}

func (f *forwards) cancel(at endpoint) bool {
	f.mu.Lock()
	l := f.listeners[at]
	delete(f.listeners, at)
	f.mu.Unlock()
	return l != nil && l.Close() == nil
}

// close ends all listening.
func (f *forwards) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.listeners {
		_ = l.Close() // closed already is what it shall be
	}
}
