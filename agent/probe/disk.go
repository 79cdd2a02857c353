package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// disk asks how much room there is. The kernel may not answer, as of a network
// file system whose server is gone, and nothing can call it back: that look is
// left behind, and no other is begun before it ends.
func (h *Host) disk(ctx context.Context, p health.Probe) health.Result {
	if !h.begin(p.Name()) {
		return health.Late(p, "an earlier look still hangs")
	}
	found := make(chan health.Result, 1)
	go func() {
		defer h.end(p.Name())
		found <- statfs(p)
	}()
	select {
	case r := <-found:
		return r
	case <-ctx.Done():
		return health.Late(p, "")
	}
}

func (h *Host) begin(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hanging[name] {
		return false
	}
	if h.hanging == nil {
		h.hanging = map[string]bool{}
	}
	h.hanging[name] = true
	return true
}

func (h *Host) end(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.hanging, name)
}

func statfs(p health.Probe) health.Result {
	var s unix.Statfs_t
	err := unix.Statfs(p.Target, &s)
	for errors.Is(err, unix.EINTR) {
		err = unix.Statfs(p.Target, &s)
	}
	if err != nil {
		return failed(p, fmt.Errorf("cannot look at it: %w", err))
	}
	return health.JudgeFree(p, int64(s.Bavail)*s.Frsize)
}

// inode tells two files of one name apart.
func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}
