package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// peerKey is where the context of a connection has the name of who made it.
type peerKey struct{}

// withPeer notes who is at the other end of a connection to the socket.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	name, err := peerName(c)
	if err != nil {
		return ctx // and then nobody is let in
	}
	return context.WithValue(ctx, peerKey{}, name)
}

// peerName returns the user whose process made the connection, unix(7).
func peerName(c net.Conn) (string, error) {
	local, ok := c.(*net.UnixConn)
	if !ok {
		return "", errors.New("it is no connection of a socket")
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return "", err
	}
	var peer *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return "", err
	}
	if failed != nil {
		return "", failed
	}
	uid := strconv.FormatUint(uint64(peer.Uid), 10)
	if u, err := user.LookupId(uid); err == nil {
		return u.Username, nil
	}
	return fmt.Sprintf("uid %s", uid), nil
}
