package journal

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/aptfleet/aptfleet/controller/bus"
)

// disk is a file system of its own whose power can be cut.
type disk struct {
	t     *testing.T
	image string
	mount string
}

// newDisk makes an ext4 in a file, or skips the test where that is not allowed.
func newDisk(t *testing.T) disk {
	t.Helper()
	folder := t.TempDir()
	d := disk{t: t, image: filepath.Join(folder, "image"), mount: filepath.Join(folder, "mount")}
	if err := errors.Join(os.Mkdir(d.mount, 0o700), os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, 128<<20)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", d.image).CombinedOutput(); err != nil {
		t.Skipf("cannot make a file system: %v: %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.mount).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a file system: %v: %s", err, out)
	}
	t.Cleanup(func() { d.run("umount", d.mount) })
	return d
}

func (d disk) run(argv ...string) {
	d.t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		d.t.Fatalf("%v: %v: %s", argv, err, out)
	}
}

// cut makes the file system forget what is not on the disk, at once, and fail
// from then on: EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, with which
// the kernel's own tests cut the power (xfstests, generic/044 and others).
func (d disk) cut() error {
	f, err := os.Open(d.mount)
	if err != nil {
		return err
	}
	defer f.Close()
	const shutdown = 0x8004587d // _IOR('X', 125, __u32)
	noLogFlush := uint32(2)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&noLogFlush)))
	if errno != 0 {
		return errno
	}
	return nil
}

// restore brings the power back. Where somebody else has copied our mounts into
// a name space of theirs, as containers do when they start, the file system
// that was cut lives on there, and no fresh one can be had.
func (d disk) restore() {
	d.t.Helper()
	d.run("umount", d.mount)
	d.run("mount", "-o", "loop", d.image, d.mount)
	err := os.WriteFile(filepath.Join(d.mount, "probe"), nil, 0o600)
	if errors.Is(err, syscall.EIO) {
		d.t.Skip("another mount name space of this machine holds on to the file system")
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestPowerCut is TestKilled with the power cut under the child: what was
// acknowledged is on the disk. Without SyncAlways it loses everything.
func TestPowerCut(t *testing.T) {
	d := newDisk(t)
	rounds := crashes(6, 2)
	state := filepath.Join(d.mount, "state")
	acknowledged := map[string]bool{}
	for range rounds {
		runUntil(t, state, acknowledged, 1+rand.IntN(400), false, func(child *os.Process) error {
			return errors.Join(d.cut(), child.Kill())
		})
		d.restore()
		checkAcknowledged(t, state, acknowledged)
	}
	t.Logf("%d power cuts, %d acknowledged events, none lost", rounds, len(acknowledged))
}

// TestPowerCutAtFirst cuts the power at a random moment while a new store is
// made. Nothing may be in the way of making it again.
func TestPowerCutAtFirst(t *testing.T) {
	d := newDisk(t)
	for i := range 6 {
		state := filepath.Join(d.mount, strconv.Itoa(i))
		child := writer(state)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(60 * time.Millisecond)) // the moment is what is tried, nothing waits for it
		if err := errors.Join(d.cut(), child.Process.Kill()); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		d.restore()
		b, err := bus.Open(t.Context(), bus.Options{State: state})
		if err != nil {
			t.Fatal(err)
		}
		create(t, New(b, "ada"), "a")
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
