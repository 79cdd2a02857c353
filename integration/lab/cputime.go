package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// CPUTime returns the CPU time that the processes of a host have used since it was
// last turned on, those that have ended included. The processes of a light host are
// this machine's own: then it is errors.ErrUnsupported.
func CPUTime(h Host) (time.Duration, error) {
	booted, is := h.(*bootedHost)
	if !is {
		return 0, fmt.Errorf("%s: cannot tell its CPU time: %w", h.Name(), errors.ErrUnsupported)
	}
	used, err := booted.cgroup().cpuTime()
	if err != nil {
		return 0, fmt.Errorf("%s: cannot tell its CPU time: %w", h.Name(), err)
	}
	return used, nil
}

// cpuTime reads what the second version of control groups always keeps (cgroup-v2,
// "cpu.stat"), be there a controller or not.
func (c cgroup) cpuTime() (time.Duration, error) {
	for _, dir := range c.dirs() {
		text, err := os.ReadFile(filepath.Join(dir, "cpu.stat"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		_, rest, _ := strings.Cut(string(text), "usage_usec ")
		var used int64
		if _, scanErr := fmt.Sscan(rest, &used); err != nil || scanErr != nil {
			return 0, errors.Join(err, scanErr)
		}
		return time.Duration(used) * time.Microsecond, nil
	}
	return 0, fmt.Errorf("no hierarchy of the second version: %w", errors.ErrUnsupported)
}
