package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// LockHolder is the name of the process that HoldDpkgLock starts: the program
// that most often holds the lock on real hosts, cut to the 15 bytes that a
// process name has.
const LockHolder = "unattended-upgr"

// frontendLock is the lock that keeps two apts from running at once.
const frontendLock = "/var/lib/dpkg/lock-frontend"

// lockScript locks the file it is given, as apt does it, says so, and holds the
// lock until its input ends. It is Perl because every Debian has that, and no
// command of a minimal one takes a lock of fcntl(2).
const lockScript = `use Fcntl;
$0 = "` + LockHolder + `";
open(my $file, "+<", $ARGV[0]) or die "$ARGV[0]: $!";
fcntl($file, F_SETLK, pack("ssx4qqlx4", F_WRLCK, SEEK_SET, 0, 0, 0)) or die "$ARGV[0]: $!";
$| = 1;
print "held\n";
<STDIN>;`

// holdLock runs lockScript on h. Release ends it, which gives the lock back.
func holdLock(h Host, file string) (release func() error, err error) {
	// Not a caller's context: the lock is held until release.
	cmd := h.Command(context.Background(), "perl", "-e", lockScript, file)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: cannot hold %s: %w", h.Name(), file, err)
	}
	release = func() error { return errors.Join(stdin.Close(), cmd.Wait()) }
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		return nil, fmt.Errorf("%s: cannot hold %s: %w", h.Name(), file, release())
	}
	return release, nil
}

// HoldDpkgLock holds the host's lock.
func (h *bootedHost) HoldDpkgLock() (func() error, error) {
	return holdLock(h, frontendLock)
}

// ChangeHostKey writes another key and has sshd read it.
func (h *bootedHost) ChangeHostKey(ctx context.Context) error {
	key, err := newKeyPair()
	if err == nil {
		err = h.writeKey(key)
	}
	if err == nil {
		_, err = h.Exec(ctx, "systemctl", "restart", "ssh.service")
	}
	if err != nil {
		return fmt.Errorf("%s: cannot change the host key: %w", h.Name(), err)
	}
	return nil
}

func (h *bootedHost) writeKey(key keyPair) error {
	const file = "etc/ssh/ssh_host_ed25519_key"
	return errors.Join(
		os.WriteFile(h.Path(file), key.private, 0o600),
		os.WriteFile(h.Path(file+".pub"), key.public, 0o644))
}

// ballast is the file that fills a host's disk.
const ballast = "/var/ballast"

func noDisk(h Host) error {
	return fmt.Errorf("%s: no disk of its own: %w", h.Name(), errors.ErrUnsupported)
}

// FillDisk writes a file until there is no room for another page.
func (h *bootedHost) FillDisk() error {
	if h.disk == 0 {
		return noDisk(h)
	}
	f, err := os.OpenFile(h.Path(ballast), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, size := range []int{1 << 20, os.Getpagesize()} {
		for block := make([]byte, size); err == nil; {
			_, err = f.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("%s: cannot fill the disk: %w", h.Name(), err)
		}
		err = nil
	}
	return nil
}

// FreeDisk removes what FillDisk wrote.
func (h *bootedHost) FreeDisk() error {
	if h.disk == 0 {
		return noDisk(h)
	}
	if err := os.Remove(h.Path(ballast)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
