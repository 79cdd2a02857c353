package simhost

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"
)

// forward makes a host a bastion: it connects the client to another host of
// the fleet (RFC 4254, section 7.2), and to nothing else.
func (c *connection) forward(ctx context.Context, asked ssh.NewChannel) {
	var target struct {
		Host   string
		Port   uint32
		Origin string
		From   uint32
	}
	address := ""
	if ssh.Unmarshal(asked.ExtraData(), &target) == nil {
		address = net.JoinHostPort(target.Host, strconv.Itoa(int(target.Port)))
	}
	if !c.fleet.has(address) {
		_ = asked.Reject(ssh.Prohibited, "open failed")
		return
	}
	var dialer net.Dialer
	far, err := dialer.DialContext(ctx, "tcp4", address)
	if err != nil {
		_ = asked.Reject(ssh.ConnectionFailed, "Connection refused")
		return
	}
	defer far.Close()
	near, requests, err := asked.Accept()
	if err != nil {
		return
	}
	defer near.Close()
	c.fleet.tally.forwards.Add(1)
	go ssh.DiscardRequests(requests) // ends with the channel
	pass(ctx, near, far)
}

// has says whether a host of the fleet answers at address.
func (f *Fleet) has(address string) bool {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil || !parsed.Addr().Is4() || int(parsed.Port()) != f.options.Port {
		return false
	}
	host := distance(f.options.Base, parsed.Addr())
	return host >= 0 && host < f.options.Hosts
}

// pass copies both ways until either side ends, or ctx does.
func pass(ctx context.Context, near ssh.Channel, far net.Conn) {
	cut := context.AfterFunc(ctx, func() { _ = far.Close() })
	defer cut()
	var copies sync.WaitGroup
	copies.Go(func() {
		_, _ = io.Copy(far, near) // a broken side ends both
		_ = far.Close()
	})
	_, _ = io.Copy(near, far)
	_ = near.Close()
	copies.Wait()
}
