package inventory

import (
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// ApplyAll does what Apply does to all hosts, in place, and to as many at once as there are
// processors: where ssh is asked it is what takes the time. Of several that cannot be used,
// the error is that of the first.
func (c *SSHConfig) ApplyAll(hosts []Host) error {
	errs := make([]error, len(hosts))
	var failed atomic.Bool
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, h := range hosts {
		if failed.Load() { // all before this one have been begun
			break
		}
		g.Go(func() error {
			if hosts[i], errs[i] = c.Apply(h); errs[i] != nil {
				failed.Store(true)
			}
			return nil
		})
	}
	_ = g.Wait() // always nil: the errors are in errs
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
