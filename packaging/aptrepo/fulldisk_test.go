package aptrepo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk fills a real filesystem by publishing, and goes on once there is
// room. TestEveryOperationFails does the same where nothing may be mounted.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("this machine lets nobody mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	ballast := filepath.Join(disk, "ballast")
	f := newFixtureIn(t, filepath.Join(disk, "repository"))
	f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""))
	next := []string{writeDeb(t, "app", "2.0", "amd64", ""), writeBig(t, "large", 1<<20)}

	// From no room at all to room for all but the last bytes.
	for size := int64(2 << 20); size > 0; size -= 48 << 10 {
		_ = os.WriteFile(ballast, make([]byte, size), 0o600) // as much as fits
		before := f.has("nightly")
		_, err := f.Publish(t.Context(), "nightly", next...)
		f.healthyByHash(fmt.Sprintf("ballast of %d bytes", size))
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "nightly") {
			t.Fatalf("on a full disk, Publish returned %v", err)
		}
		if after := f.has("nightly"); after != before {
			t.Errorf("a publish that failed has changed nightly to %q", after)
		}
	}
	if got, want := f.has("nightly"), "app_1.0_amd64 app_2.0_amd64 large_1.0_amd64"; got != want {
		t.Errorf("with room, nightly has %q, want %q", got, want)
	}
	f.verify()
}

// writeBig writes a package whose data can't be packed to less than size.
func writeBig(t *testing.T, name string, size int) string {
	t.Helper()
	noise := make([]byte, size)
	state := uint32(1)
	for i := range noise {
		state = state*1664525 + 1013904223
		noise[i] = byte(state >> 24)
	}
	control := "Package: " + name + "\nVersion: 1.0\nArchitecture: amd64\nMaintainer: A <a@example.com>\nDescription: large\n"
	path := filepath.Join(t.TempDir(), name+".deb")
	data := ar("debian-binary", "2.0\n", "control.tar.gz", tarGz("./control", control), "data.tar.gz", tarGz("./noise", string(noise)))
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
