package simhost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// listen opens the sockets, and settles the port.
func (f *Fleet) listen() error {
	if err := raiseFiles(uint64(f.options.Hosts)); err != nil {
		return err
	}
	if !f.options.Each {
		err := f.listenAny()
		if !errors.Is(err, syscall.EPERM) {
			return err
		}
	}
	return f.listenEach()
}

// listenAny opens one socket for all of 127/8. It is bound to the loopback
// device, so that nothing outside of this machine reaches it.
func (f *Fleet) listenAny() error {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var bindErr error
		err := raw.Control(func(fd uintptr) { bindErr = syscall.BindToDevice(int(fd), "lo") })
		return errors.Join(err, bindErr)
	}}
	l, err := config.Listen(f.ctx, "tcp4", fmt.Sprintf("0.0.0.0:%d", f.options.Port))
	if err != nil {
		return fmt.Errorf("cannot listen for all hosts: %w", err)
	}
	f.add(l)
	return nil
}

// listenEach opens a socket for every host but those that refuse connections.
func (f *Fleet) listenEach() error {
	for host := range f.options.Hosts {
		if f.options.Fault(host) == Refuse {
			continue
		}
		var config net.ListenConfig
		l, err := config.Listen(context.WithoutCancel(f.ctx), "tcp4", f.Address(host).String())
		if err != nil {
			return fmt.Errorf("cannot listen for host %d: %w", host, err)
		}
		f.add(l)
	}
	return nil
}

// add keeps a listener; the first one's port is that of all hosts.
func (f *Fleet) add(l net.Listener) {
	f.listeners = append(f.listeners, l)
	f.options.Port = l.Addr().(*net.TCPAddr).Port
}

// accept starts a goroutine for every connection until the listener closes.
func (f *Fleet) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case f.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if err == nil {
				_ = c.Close()
			}
			return
		case err != nil: // out of files, for one: the client sees what it would at a real host
			f.options.Log.Warn("cannot accept a connection", "error", err)
			continue
		}
		f.tally.accepted.Add(1)
		f.work.Go(func() { f.welcome(c) })
	}
}

// welcome finds out whom the client called, and serves it.
func (f *Fleet) welcome(c net.Conn) {
	if !f.hold(c) {
		_ = c.Close()
		return
	}
	defer f.letGo(c)
	called, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return
	}
	host := distance(f.options.Base, called.Addr())
	if host >= 0 && host < f.options.Hosts {
		f.serve(c, host)
	}
}

// raiseFiles makes room for the sockets of that many hosts, with as many
// clients in the same process.
func raiseFiles(hosts uint64) error {
	want := 3*hosts + 1024
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("cannot read the limit of open files: %w", err)
	}
	if limit.Cur >= want {
		return nil
	}
	raised := syscall.Rlimit{Cur: want, Max: max(want, limit.Max)}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err == nil {
		return nil
	}
	limit.Cur = limit.Max // not root: as far as we may
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("cannot raise the limit of open files: %w", err)
	}
	return nil
}
