package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lightDirs is the pattern of the folders of labs of light hosts. The lab holds
// a lock on a file in its folder; what can be locked is of one that died.
const (
	lightDirs = "aptfleet-lab-*"
	lightLock = "lock"
)

// lockedDir makes the folder of a lab. Its lock gets its name once it is held,
// so that nobody takes the lab for a dead one.
func lockedDir() (dir string, lock *os.File, err error) {
	if dir, err = os.MkdirTemp("", lightDirs); err != nil {
		return "", nil, err
	}
	file := filepath.Join(dir, lightLock)
	if lock, err = tryLock(file + ".new"); err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, lock, nil
}

// sweepLight ends what runs on the light hosts of labs that died, and removes
// their folders. Those of other accounts are left to them.
func sweepLight() error {
	locks, err := filepath.Glob(filepath.Join(os.TempDir(), lightDirs, lightLock))
	if err != nil {
		return err
	}
	for _, file := range locks {
		info, err := os.Lstat(file)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
			continue
		}
		lock, err := tryLock(file)
		if err != nil {
			continue // it lives, or somebody else sweeps
		}
		dir := filepath.Dir(file)
		err = errors.Join(killAll(func() []int { return processesIn(dir) }), os.RemoveAll(dir), lock.Close())
		if err != nil {
			return fmt.Errorf("cannot clean up %s, whose lab died: %w", dir, err)
		}
	}
	return nil
}

// processes lists what runs on the host.
func (h *lightHost) processes() []int { return processesIn(string(h.root)) }

// processesIn lists the processes whose environment names a root within dir
// (proc_pid_environ(5)): those that a light host's Command began, and whatever
// they did.
func processesIn(dir string) []int {
	mark := []byte("\x00APTFLEET_ROOT=" + dir + "/")
	var pids []int
	entries, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well formed
	for _, file := range entries {
		env, _ := os.ReadFile(file) // somebody else's, or gone
		if bytes.Contains(append([]byte{0}, env...), mark) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// machineSuite is the Debian suite of this machine (os-release(5)), or "" where
// it does not say.
func machineSuite() string {
	text, _ := os.ReadFile("/etc/os-release") // a machine without the file has no suite either
	for line := range strings.Lines(string(text)) {
		if suite, ok := strings.CutPrefix(line, "VERSION_CODENAME="); ok {
			return strings.Trim(strings.TrimSpace(suite), `"`)
		}
	}
	return ""
}
