package remote

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// spareFiles is what the rest of the program may have open besides connections.
const spareFiles = 256

// fit raises the limit on open files for what o asks for, so that a large fleet
// does not fail in its middle with "too many open files". Where the limit can't
// be raised so far, it lowers the numbers of o, which makes a rollout slower and
// nothing else.
func (o Options) fit() (Options, error) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return o, fmt.Errorf("cannot read the limit on open files: %w", err)
	}
	if want := uint64(o.Live + o.Handshakes + spareFiles); r.Cur < want {
		raised := unix.Rlimit{Cur: want, Max: max(r.Max, want)}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) != nil { // only root may go above Max
			raised = unix.Rlimit{Cur: min(want, r.Max), Max: r.Max}
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &raised); err != nil {
				return o, fmt.Errorf("cannot raise the limit on open files to %d: %w", raised.Cur, err)
			}
		}
		r = raised
	}
	return o.within(r.Cur)
}

// within lowers the numbers of o to what limit open files allow.
func (o Options) within(limit uint64) (Options, error) {
	room := int(min(limit, 1<<30)) - spareFiles
	if room < 2 {
		return o, fmt.Errorf("cannot reach hosts with %d open files: raise the limit (ulimit -Hn, LimitNOFILE) to %d or more", limit, o.Live+o.Handshakes+spareFiles)
	}
	o.Handshakes = min(o.Handshakes, (room+1)/2)
	o.Live = min(o.Live, room-o.Handshakes)
	return o, nil
}
