package simhost

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/crypto/ssh"
)

// Fleet is a number of hosts that are up. Its methods may be called from
// several goroutines at once.
type Fleet struct {
	options   Options // with defaults, and the port that was taken
	keys      *keyring
	clients   *doorkeeper
	tally     tally
	listeners []net.Listener

	ctx  context.Context // ends with the fleet; every command's context is below it
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	open    map[net.Conn]bool
	waiting map[int]int // by host: connections that have not authenticated yet
}

// Start brings all hosts up; they answer when it returns. The caller closes
// the fleet.
func Start(o Options) (*Fleet, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("cannot simulate hosts: %w", err)
	}
	o = o.withDefaults()
	keys, err := newKeyring(o)
	if err != nil {
		return nil, err
	}
	clients, err := newDoorkeeper(o)
	if err != nil {
		return nil, err
	}
	f := &Fleet{options: o, keys: keys, clients: clients, open: map[net.Conn]bool{}, waiting: map[int]int{}}
	f.tally.keyExchanges = map[string]int64{}
	f.ctx, f.stop = context.WithCancel(context.Background())
	if err := f.listen(); err != nil {
		f.Close()
		return nil, err
	}
	for _, l := range f.listeners {
		f.work.Go(func() { f.accept(l) })
	}
	return f, nil
}

// Close cuts all connections and waits until every host is down.
func (f *Fleet) Close() {
	f.stop()
	for _, l := range f.listeners {
		_ = l.Close() // it listens no more, whatever the error
	}
	f.mu.Lock()
	for c := range f.open {
		_ = c.Close()
	}
	f.mu.Unlock()
	f.work.Wait()
}

// Len is the number of hosts.
func (f *Fleet) Len() int { return f.options.Hosts }

// Address is where a host answers.
func (f *Fleet) Address(host int) netip.AddrPort {
	return netip.AddrPortFrom(addressAfter(f.options.Base, host), uint16(f.options.Port))
}

// Counters tells what happened so far.
func (f *Fleet) Counters() Counters { return f.tally.snapshot() }

// Authority is the key that signs the hosts' certificates.
func (f *Fleet) Authority() ssh.PublicKey { return f.keys.authority.PublicKey() }

// ClientKey is a private key that all hosts accept, for any user.
func (f *Fleet) ClientKey() (ssh.Signer, error) {
	return ssh.NewSignerFromKey(clientKey(f.options.Seed))
}

// hold remembers a connection so that Close can cut it. It says false once the
// fleet is closing.
func (f *Fleet) hold(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return false
	}
	f.open[c] = true
	return true
}

func (f *Fleet) letGo(c net.Conn) {
	f.mu.Lock()
	delete(f.open, c)
	f.mu.Unlock()
	_ = c.Close() // the peer may have closed it before
}
