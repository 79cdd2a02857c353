package remote

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/aptfleet/aptfleet/pkg/pause"
)

// persist is the one policy for connecting again: at most Options.Tries tries,
// Options.TryAfter apart, and only after what may be gone by then: a time-out,
// a connection that broke off. A host that refuses the connection, the login or
// our trust answered clearly, and from 9.8 on sshd shuts out whoever keeps
// asking (PerSourcePenalties).
func (f *Fleet) persist(ctx context.Context, dial func() (*conn, error)) (*conn, error) {
	for try := 1; ; try++ {
		c, err := dial()
		if err == nil || try >= f.opt.Tries || !mayPass(err) {
			return c, err
		}
		if pause.For(ctx, f.opt.TryAfter) != nil {
			return nil, err // which says more than that time ran out
		}
	}
}

// mayPass reports whether another try may have more luck.
func mayPass(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.IsTemporary || dns.IsTimeout
	}
	var final *finalError
	return errors.Is(err, ErrUnreachable) && !errors.Is(err, syscall.ECONNREFUSED) &&
		!errors.Is(err, context.Canceled) && !errors.As(err, &final)
}

// finalError marks what no other try will change.
type finalError struct{ error }

func (f *finalError) Unwrap() error { return f.error }
