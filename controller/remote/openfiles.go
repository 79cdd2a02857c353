package remote

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// spareFiles is what the rest of the program may have open besides connections.
const spareFiles = 256

// raiseOpenFiles makes room for n connections, so that a large fleet does not
// fail in its middle with "too many open files".
func raiseOpenFiles(n int) error {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return fmt.Errorf("cannot read the limit on open files: %w", err)
	}
	want := uint64(n + spareFiles)
	if r.Cur >= want {
		return nil
	}
	r.Cur, r.Max = want, max(r.Max, want)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return fmt.Errorf("cannot raise the limit on open files to %d for %d connections: %w; raise it (LimitNOFILE, ulimit -Hn) or lower the number of live hosts", want, n, err)
	}
	return nil
}
