package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Kind is a kind of host.
type Kind string

// The kinds of host. The package comment says what they are.
const (
	AnyKind Kind = ""
	Booted  Kind = "booted"
	Light   Kind = "light"
)

// kindVariable is the environment variable that settles the kind of labs whose
// Options do not.
const kindVariable = "APTFLEET_LAB"

func (k Kind) validate() error {
	switch k {
	case AnyKind, Booted, Light:
		return nil
	}
	return fmt.Errorf("cannot start a lab: kind %q, want %s or %s", string(k), Booted, Light)
}

// wantedKind is the kind that somebody asked for, and who did.
func wantedKind(o Options) (Kind, string) {
	if o.Kind != AnyKind {
		return o.Kind, "asked for"
	}
	if k := Kind(os.Getenv(kindVariable)); k != AnyKind {
		return k, fmt.Sprintf("%s=%s", kindVariable, k)
	}
	return AnyKind, "root, mounts and systemd-nspawn work here"
}

// What hosts of each kind need of the machine.
var (
	bootedPrograms = []string{"mmdebstrap", "systemd-nspawn", "nsenter", "ip"}
	lightPrograms  = []string{"apt-get", "dpkg", "dpkg-query", "perl"}
)

// tryMachine finds out whether the machine may have booted hosts, as far as
// that takes no base: it is the quick part, and tryNspawn the rest.
func tryMachine() error {
	if os.Geteuid() != 0 {
		return errors.New("not root")
	}
	if err := tryPrograms(bootedPrograms); err != nil {
		return err
	}
	return tryMount()
}

// tryPrograms says which program the machine lacks.
func tryPrograms(names []string) error {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%w (integration/lab/install installs it)", err)
		}
	}
	return nil
}

// tryMount mounts an overlay where the disks of hosts will be, and unmounts it.
func tryMount() error {
	if err := os.MkdirAll(cacheDir(), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(cacheDir(), "try-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var at [4]string
	for i, name := range []string{"lower", "upper", "work", "root"} {
		at[i] = filepath.Join(dir, name)
		if err := os.Mkdir(at[i], 0o755); err != nil {
			return err
		}
	}
	if err := mountOverlay(at[0], at[1], at[2], at[3]); err != nil {
		return err
	}
	return syscall.Unmount(at[3], 0)
}

// tryNspawn runs a command by nspawn as the hosts will be: in an overlay over
// their base, a control group, and on the bridge.
func (f *bootedFleet) tryNspawn(base string) error {
	h := &bootedHost{site: f.site, base: base} // number 0 is no host's
	if err := h.mount(); err != nil {
		return err
	}
	cmd, err := h.nspawn("--", "/bin/true")
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("systemd-nspawn: %w: %s", err, out)
	}
	return unmountBelow(h.dir())
}
