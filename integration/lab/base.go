package lab

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The Debian suites that hosts can have.
const (
	Bookworm = "bookworm" // Debian 12: apt 2.6, checks signatures with gpgv
	Trixie   = "trixie"   // Debian 13: apt 3.0, checks signatures with sqv
)

// basePackages is what hosts have besides a minimal Debian with apt: all that
// a rollout may need of one, and the tools of a person who looks around.
var basePackages = []string{
	"systemd", "systemd-sysv", "dbus", "openssh-server", "iproute2",
	"ca-certificates", "gpgv", "curl", "procps", "sudo",
}

//go:embed base.sh
var baseScript string

// cacheDir is where bases and the disks of running hosts lie.
func cacheDir() string {
	if dir := os.Getenv("APTFLEET_LAB_CACHE"); dir != "" {
		return dir
	}
	return "/var/cache/aptfleet-lab"
}

// base is a root that mmdebstrap made, which all hosts of a suite share. Nobody
// writes to it.
type base struct {
	suite string
	pam   bool
}

func (b base) packages() []string {
	if b.pam {
		return append(basePackages[:len(basePackages):len(basePackages)], "libpam-systemd")
	}
	return basePackages
}

// dir is where the root lies. Its name has all that the root is made from, so
// that a change of that makes another one.
func (b base) dir() string {
	sum := sha256.Sum256(fmt.Append(nil, b.packages(), b.pam, baseScript))
	name := b.suite
	if b.pam {
		name += "-pam"
	}
	return filepath.Join(cacheDir(), name+"-"+hex.EncodeToString(sum[:6]))
}

// ensure makes the root unless it is there. One process makes it and others
// wait; one that was half made is made again.
func (b base) ensure(ctx context.Context, log func(format string, a ...any)) (string, error) {
	dir := b.dir()
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	lock, err := waitLock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	log("making the root of Debian %s hosts (once; about a minute)", b.suite)
	if err := b.make(ctx, dir, lock); err != nil {
		return "", fmt.Errorf("cannot make the root of %s hosts: %w", b.suite, err)
	}
	return dir, nil
}

func (b base) make(ctx context.Context, dir string, lock *os.File) error {
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	script := dir + ".sh"
	if err := os.WriteFile(script, []byte(baseScript), 0o755); err != nil {
		return err
	}
	defer os.Remove(script)
	pam := "no"
	if b.pam {
		pam = "yes"
	}
	cmd := exec.CommandContext(ctx, "mmdebstrap", "--quiet", "--variant=minbase",
		"--include="+strings.Join(b.packages(), ","), "--customize-hook="+script, b.suite, part)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "LAB_PAM="+pam)
	cmd.ExtraFiles = []*os.File{lock} // held as long as it writes, should this process be killed
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, out)
	}
	return os.Rename(part, dir)
}

// waitLock takes the lock file at path, which closing it, or the end of the
// process, gives back.
func waitLock(ctx context.Context, path string) (*os.File, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		f, err := tryLock(path)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("cannot lock %s: %w", path, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// tryLock is waitLock that does not wait: the error of a lock that is held is
// syscall.EWOULDBLOCK.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", path, err), f.Close())
	}
	return f, nil
}
