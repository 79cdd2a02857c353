package aptrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Lock holds an flock, which goes with its process however that ends.
func (f folder) Lock(ctx context.Context) (unlock func(), err error) {
	if err := makeFolder(f.path(draftDir), nil); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(f.path(lockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := flock(ctx, lock); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", f.root, err), lock.Close())
	}
	if err := f.sweepDrafts(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return func() { _ = lock.Close() }, nil // nothing was written to it
}

// flock asks again and again instead of blocking, so that ctx can end it.
func flock(ctx context.Context, file *os.File) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func (f folder) sweepDrafts() error {
	left, err := os.ReadDir(f.path(draftDir))
	if err != nil {
		return err
	}
	for _, e := range left {
		if err := os.Remove(filepath.Join(f.path(draftDir), e.Name())); err != nil {
			return err
		}
	}
	return nil
}
