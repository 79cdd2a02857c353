package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// bootedFleet is the fleet of a lab whose hosts are real.
type bootedFleet struct {
	site  *site
	hosts []*bootedHost
}

func (f *bootedFleet) folder() string        { return f.site.dir }
func (f *bootedFleet) listenAddress() string { return f.site.gateway().String() }
func (f *bootedFleet) become() string        { return "sudo" }

// openBooted makes all that hosts need to be booted, and proves that they can
// be: its error is the reason why this machine has no booted hosts.
func openBooted(ctx context.Context, o Options) (*bootedFleet, error) {
	if err := tryMachine(); err != nil {
		return nil, err
	}
	roots, err := ensureBases(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := raiseInotify(); err != nil {
		return nil, err
	}
	s, err := claimSite(cacheDir())
	if err != nil {
		return nil, err
	}
	f := &bootedFleet{site: s}
	if err := f.tryNspawn(roots[o.Suites[0]]); err != nil {
		return nil, errors.Join(err, s.leave())
	}
	for i := range o.Count {
		suite := o.Suites[i%len(o.Suites)]
		f.hosts = append(f.hosts, &bootedHost{site: s, number: i + 1, suite: suite, base: roots[suite], disk: o.Disk})
	}
	return f, nil
}

// ensureBases returns the root of every suite in o.
func ensureBases(ctx context.Context, o Options) (map[string]string, error) {
	roots := map[string]string{}
	for _, suite := range o.Suites {
		dir, err := base{suite, o.PAM}.ensure(ctx, func(format string, a ...any) {
			fmt.Fprintf(o.Log, "lab: "+format+"\n", a...)
		})
		if err != nil {
			return nil, err
		}
		roots[suite] = dir
	}
	return roots, nil
}

// start prepares all hosts, so that each can know the others' names, and boots
// them at once.
func (f *bootedFleet) start(ctx context.Context, _ Options, k *keys) ([]Host, error) {
	hosts, names := make([]Host, len(f.hosts)), f.etcHosts()
	for i, h := range f.hosts {
		if err := h.prepare(k, names); err != nil {
			return nil, fmt.Errorf("cannot prepare %s: %w", h.Name(), err)
		}
		hosts[i] = h
	}
	var g errgroup.Group // not WithContext: a host that fails does not take the others' errors away
	g.SetLimit(8)
	for _, h := range f.hosts {
		g.Go(func() error { return h.PowerOn(ctx) })
	}
	return hosts, g.Wait()
}

// etcHosts is the /etc/hosts of every host.
func (f *bootedFleet) etcHosts() string {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n")
	fmt.Fprintf(&b, "%s controller\n", f.site.gateway())
	for _, h := range f.hosts {
		fmt.Fprintf(&b, "%s %s\n", h.Address(), h.Name())
	}
	return b.String()
}

func (f *bootedFleet) close() error {
	if f.site == nil {
		return nil
	}
	var err error
	for _, h := range f.hosts {
		err = errors.Join(err, h.PowerOff())
	}
	if err = errors.Join(err, f.site.leave()); err == nil {
		f.site = nil
	}
	return err
}

// raiseInotify lets every systemd on this machine have its inotify instances:
// the kernel's 128 are gone after a handful of hosts.
func raiseInotify() error {
	const file, want = "/proc/sys/fs/inotify/max_user_instances", 8192
	var have int
	text, err := os.ReadFile(file)
	if err == nil {
		_, err = fmt.Sscan(string(text), &have)
	}
	if err != nil || have >= want {
		return err
	}
	return os.WriteFile(file, fmt.Append(nil, want), 0)
}

// bootedHost is one host that systemd-nspawn boots from an overlay over a base.
type bootedHost struct {
	site   *site
	number int
	suite  string
	base   string
	disk   int64 // bytes; 0 is no disk of its own

	mu  sync.Mutex
	run *run // nil while the power is off
}

func (h *bootedHost) Name() string    { return fmt.Sprintf("web%d", h.number) }
func (h *bootedHost) Address() string { return h.site.address(h.number + 1).String() }
func (h *bootedHost) Port() int       { return 22 }
func (h *bootedHost) Suite() string   { return h.suite }

func (h *bootedHost) dir() string             { return filepath.Join(h.site.dir, h.Name()) }
func (h *bootedHost) root() string            { return filepath.Join(h.dir(), "root") }
func (h *bootedHost) Path(name string) string { return filepath.Join(h.root(), name) }

// machine is what nspawn calls the host. The machine's end of its link is
// named after it, which must not be longer than 15 bytes.
func (h *bootedHost) machine() string { return fmt.Sprintf("afl%d-%d", h.site.number, h.number) }
func (h *bootedHost) link() string    { return "vb-" + h.machine() }

func (h *bootedHost) cgroup() cgroup {
	return cgroup(fmt.Sprintf("%s/%d", h.site.cgroup(), h.number))
}

// prepare mounts the host's disk and writes what is the host's own onto it.
func (h *bootedHost) prepare(k *keys, names string) error {
	if err := h.mount(); err != nil {
		return err
	}
	key, err := newKeyPair()
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"etc/hostname":                h.Name() + "\n",
		"etc/hosts":                   names,
		"etc/lab-network":             fmt.Sprintf("ADDRESS=%s/24\nGATEWAY=%s\n", h.Address(), h.site.gateway()),
		"etc/ssh/lab_authorized_keys": string(k.client.public),
	} {
		if err := os.WriteFile(h.Path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := h.writeKey(key); err != nil {
		return err
	}
	return k.know(h.Name(), h.Address(), h.Port(), key.signer.PublicKey())
}

// mount lays the host's own disk over the base: a folder on the machine's disk,
// or a memory file system of a given size.
func (h *bootedHost) mount() error {
	disk := filepath.Join(h.dir(), "disk")
	upper, work := filepath.Join(disk, "upper"), filepath.Join(disk, "work")
	if err := errors.Join(os.MkdirAll(disk, 0o755), os.MkdirAll(h.root(), 0o755)); err != nil {
		return err
	}
	if h.disk > 0 {
		if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d,mode=755", h.disk)); err != nil {
			return fmt.Errorf("cannot mount a disk of %d bytes: %w", h.disk, err)
		}
	}
	if err := errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(work, 0o755)); err != nil {
		return err
	}
	return mountOverlay(h.base, upper, work, h.root())
}

func mountOverlay(lower, upper, work, at string) error {
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
	if err := syscall.Mount("overlay", at, "overlay", 0, options); err != nil {
		return fmt.Errorf("cannot mount an overlay at %s: %w", at, err)
	}
	return nil
}
