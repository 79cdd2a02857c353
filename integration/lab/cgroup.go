package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cgroup is a control group, by its path below the root of each hierarchy. Each
// booted host has one, for two reasons: without it the groups that nspawn makes
// for its payload collide where systemd is not the machine's first process, and
// it names every process of a host, also of one whose lab is dead.
type cgroup string

// dirs returns the group's folder in every hierarchy that systemd uses: the
// only one, or the first version's for systemd and the second's beside it.
func (c cgroup) dirs() []string {
	var dirs []string
	for _, root := range []string{"", "systemd", "unified"} {
		root = filepath.Join("/sys/fs/cgroup", root)
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err == nil {
			dirs = append(dirs, filepath.Join(root, string(c)))
		}
	}
	return dirs
}

// make makes the group and returns its folders.
func (c cgroup) make() ([]string, error) {
	dirs := c.dirs()
	if len(dirs) == 0 {
		return nil, errors.New("cannot make a control group: nothing is mounted at /sys/fs/cgroup")
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("cannot make a control group: %w", err)
		}
	}
	return dirs, nil
}

// kill kills what runs in the group and below it, and removes it.
func (c cgroup) kill() error {
	err := killAll(c.processes)
	if err == nil {
		err = eventually(c.remove) // a process is off the list a little before it is gone
	}
	if err != nil {
		return fmt.Errorf("cannot end what runs in control group %s: %w", c, err)
	}
	return nil
}

// killAll kills the processes that list names, until it names none.
func killAll(list func() []int) error {
	return eventually(func() error {
		pids := list()
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is as well
		}
		if len(pids) > 0 {
			return fmt.Errorf("processes %v do not end", pids)
		}
		return nil
	})
}

// eventually repeats f until it succeeds, for as long as killed processes may
// take to be gone. Nobody tells of the end of processes that are not children.
func eventually(f func() error) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := f()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(10 * time.Millisecond)
	}
}

// processes lists the processes of the group and of those below it.
func (c cgroup) processes() []int {
	var pids []int
	c.walk(func(dir string) {
		text, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs")) // a group may go while we look
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
				pids = append(pids, pid)
			}
		}
	})
	return pids
}

// remove removes the group and those below it, which must be empty.
func (c cgroup) remove() error {
	var errs error
	c.walk(func(dir string) {
		if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, fmt.Errorf("cannot remove control group %s: %w", dir, err))
		}
	})
	return errs
}

// walk calls f for the group's folders, the deepest first.
func (c cgroup) walk(f func(dir string)) {
	for _, root := range c.dirs() {
		var dirs []string
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil // a group that went away has nothing in it
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			f(dirs[i])
		}
	}
}
