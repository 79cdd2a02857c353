package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestMayPass(t *testing.T) {
	unreachable := func(cause error) error { return &trouble{kind: ErrUnreachable, text: "x", cause: cause} }
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"broken handshake", unreachable(io.EOF), true},
		{"reset", unreachable(os.NewSyscallError("read", syscall.ECONNRESET)), true},
		{"time-out", unreachable(errors.New("no answer within 10s")), true},
		{"no route", unreachable(syscall.EHOSTUNREACH), true},
		{"name server is busy", unreachable(&net.DNSError{IsTemporary: true}), true},
		{"refused", unreachable(os.NewSyscallError("connect", syscall.ECONNREFUSED)), false},
		{"no such name", unreachable(&net.DNSError{IsNotFound: true}), false},
		{"cancelled", unreachable(context.Canceled), false},
		{"final", unreachable(&finalError{io.EOF}), false},
		{"host key", &trouble{kind: ErrHostKey, text: "x"}, false},
		{"login", &trouble{kind: ErrAuth, text: "x"}, false},
		{"command", &ExitError{Status: 1}, false},
	} {
		if got := mayPass(tt.err); got != tt.want {
			t.Errorf("%s: mayPass is %v, want %v", tt.name, got, tt.want)
		}
	}
}
