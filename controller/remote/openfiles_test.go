package remote

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWithinOpenFiles(t *testing.T) {
	for _, tt := range []struct {
		limit            uint64
		live, handshakes int
	}{
		{unix.RLIM_INFINITY, 2048, 512}, {2048 + 512 + spareFiles, 2048, 512}, {2048 + spareFiles, 1536, 512}, {spareFiles + 3, 1, 2}, {spareFiles + 2, 1, 1},
	} {
		o, err := Options{Live: 2048, Handshakes: 512}.within(tt.limit)
		if err != nil || o.Live != tt.live || o.Handshakes != tt.handshakes {
			t.Errorf("with %d open files: %d live, %d handshakes, %v; want %d and %d", tt.limit, o.Live, o.Handshakes, err, tt.live, tt.handshakes)
		}
	}
	if _, err := (Options{Live: 2048, Handshakes: 512}).within(128); err == nil || !strings.Contains(err.Error(), "to 2816 or more") {
		t.Errorf("with 128 open files: %v", err)
	}
}

// TestNewRaisesOpenFiles: the limit that new processes get is 1024.
func TestNewRaisesOpenFiles(t *testing.T) {
	var before, after unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	low := before
	low.Cur = 300
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	}()
	f := fleetOf(t, Options{Live: 400, Handshakes: 100})
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &after); err != nil {
		t.Fatal(err)
	}
	if want := uint64(f.opt.Live + f.opt.Handshakes + spareFiles); after.Cur < want {
		t.Errorf("the limit is %d, want at least %d", after.Cur, want)
	}
}

func TestOptionsRefused(t *testing.T) {
	if _, err := New(Options{Tries: -1}); err == nil || err.Error() != "cannot reach hosts: Tries is negative" {
		t.Errorf("New returned %v", err)
	}
}
