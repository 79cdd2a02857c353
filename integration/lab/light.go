package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// lightFleet is the fleet of a lab whose hosts are folders.
type lightFleet struct {
	dir      string
	lock     *os.File  // in dir; held as long as this process is there
	fakeroot *fakeroot // nil where the lab is root
	hosts    []*lightHost
}

func (f *lightFleet) folder() string        { return f.dir }
func (f *lightFleet) listenAddress() string { return "127.0.0.1" }
func (f *lightFleet) become() string        { return "none" }

// openLight makes what all hosts of a lab share.
func openLight() (*lightFleet, error) {
	if err := errors.Join(tryPrograms(lightPrograms), sweepLight()); err != nil {
		return nil, err
	}
	dir, lock, err := lockedDir()
	if err != nil {
		return nil, err
	}
	f := &lightFleet{dir: dir, lock: lock}
	if os.Geteuid() != 0 {
		if f.fakeroot, err = startFakeroot(); err != nil {
			return nil, errors.Join(err, f.close())
		}
	}
	return f, nil
}

// start makes o.Count hosts and opens their SSH servers.
func (f *lightFleet) start(ctx context.Context, o Options, k *keys) ([]Host, error) {
	hosts := make([]Host, o.Count)
	for i := range hosts {
		h, err := f.newHost(i+1, k)
		if err != nil {
			return nil, err
		}
		hosts[i] = h
		if err := h.PowerOn(ctx); err != nil {
			return nil, err
		}
		if err := k.know(h.Name(), h.Address(), h.Port(), h.key.signer.PublicKey()); err != nil {
			return nil, err
		}
	}
	return hosts, nil
}

func (f *lightFleet) close() error {
	var err error
	for _, h := range f.hosts {
		err = errors.Join(err, h.PowerOff())
	}
	if f.fakeroot != nil {
		err = errors.Join(err, f.fakeroot.close())
		f.fakeroot = nil
	}
	f.hosts = nil
	err = errors.Join(err, os.RemoveAll(f.dir))
	_ = f.lock.Close() // of a file that is gone; closed already the second time
	return err
}

// lightHost is one host that is a folder and an SSH server.
type lightHost struct {
	number int
	root   aptRoot
	env    []string
	user   string
	key    keyPair       // the first host key
	client ssh.PublicKey // who may log in
	link   link
	server sshServer

	mu       sync.Mutex
	listener net.Listener // nil while the power is off
	port     int          // the same for ever, once it was on
}

func (f *lightFleet) newHost(number int, k *keys) (*lightHost, error) {
	u, err := user.Current()
	if err != nil {
		return nil, err
	}
	h := &lightHost{number: number, user: u.Username}
	h.root = aptRoot(filepath.Join(f.dir, h.Name()))
	if err := h.root.make(u.Username); err != nil {
		return nil, err
	}
	h.env = append(h.root.env(), "USER="+u.Username, "LOGNAME="+u.Username)
	if f.fakeroot != nil {
		h.env = append(h.env, f.fakeroot.env...)
	}
	if h.key, err = newKeyPair(); err != nil {
		return nil, err
	}
	h.server.link = &h.link
	h.server.command = func(line string) *exec.Cmd {
		cmd := h.Command(context.Background(), "/bin/sh", "-c", line)
		cmd.WaitDelay = 0 // however long the link is cut, what was said arrives
		return cmd
	}
	h.client = k.client.signer.PublicKey()
	h.server.setKey(h.key.signer, h.user, h.client)
	f.hosts = append(f.hosts, h)
	return h, nil
}

func (h *lightHost) Name() string            { return fmt.Sprintf("web%d", h.number) }
func (h *lightHost) Address() string         { return fmt.Sprintf("127.0.0.%d", h.number+1) }
func (h *lightHost) Path(name string) string { return filepath.Join(h.root.root(), name) }
func (h *lightHost) Suite() string           { return machineSuite() }
func (h *lightHost) Cut() error              { h.link.cut(); return nil }
func (h *lightHost) Mend() error             { h.link.mend(); return nil }

func (h *lightHost) Port() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.port
}

// Command runs in the host's environment, with its home as working folder.
func (h *lightHost) Command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "env", argv...) // env looks the program up in the host's PATH
	cmd.Env = h.env
	cmd.Dir = h.Path("root")
	cmd.WaitDelay = waitDelay
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// Exec runs a command in the host's environment.
func (h *lightHost) Exec(ctx context.Context, argv ...string) ([]byte, error) {
	return output(h.Name(), h.Command(ctx, argv...), argv)
}

// PowerOn opens the host's SSH server.
func (h *lightHost) PowerOn(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listener != nil {
		return fmt.Errorf("%s: cannot power on: it is on", h.Name())
	}
	l, err := listenAt(h.Address(), h.port)
	if err != nil {
		return fmt.Errorf("%s: cannot power on: %w", h.Name(), err)
	}
	h.listener, h.port = l, l.Addr().(*net.TCPAddr).Port
	h.link.plug()
	h.server.serve(l)
	return nil
}

// PowerOff closes the host's connections and kills all that runs on it, what
// was detached from its connection included.
func (h *lightHost) PowerOff() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listener == nil {
		return nil
	}
	err := h.listener.Close()
	h.listener = nil
	h.link.unplug()
	if err := errors.Join(err, h.kill()); err != nil {
		return fmt.Errorf("%s: cannot power off: %w", h.Name(), err)
	}
	return nil
}

// kill kills all that runs on the host, until its server, which is without
// connections, starts nothing more.
func (h *lightHost) kill() error {
	served := make(chan struct{})
	go func() {
		h.server.wg.Wait()
		close(served)
	}()
	for {
		if err := killAll(h.processes); err != nil {
			return err
		}
		select {
		case <-served:
			return killAll(h.processes)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Reboot ends all that runs on the host, and opens its SSH server again. The
// boot id that its programs see is the machine's, and stays.
func (h *lightHost) Reboot(ctx context.Context) error {
	if err := h.PowerOff(); err != nil {
		return err
	}
	return h.PowerOn(ctx)
}

// ChangeHostKey makes connections from now on meet another key.
func (h *lightHost) ChangeHostKey(context.Context) error {
	key, err := newKeyPair()
	if err == nil {
		h.server.setKey(key.signer, h.user, h.client)
	}
	return err
}

// HoldDpkgLock holds the lock of the host's own dpkg.
func (h *lightHost) HoldDpkgLock() (func() error, error) {
	return holdLock(h, h.Path(frontendLock))
}

// FillDisk cannot be had: the disk is the machine's.
func (h *lightHost) FillDisk() error { return noDisk(h) }

// FreeDisk cannot be had either.
func (h *lightHost) FreeDisk() error { return noDisk(h) }
