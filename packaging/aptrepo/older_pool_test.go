package aptrepo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// publishOlder publishes as versions did that made a folder for each name.
func (f fixture) publishOlder(suite string, debs ...string) {
	f.t.Helper()
	err := f.update(f.t.Context(), func() error {
		old, err := f.current(suite)
		if err != nil {
			return err
		}
		in, err := intake(f.t.Context(), debs)
		if err != nil {
			return err
		}
		for i := range in {
			if err := in[i].lies(olderPoolName(in[i].key)); err != nil {
				return err
			}
		}
		_, err = f.Repository.publish(f.t.Context(), old, in)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// pool lists what lies there.
func (f fixture) pool() string {
	f.t.Helper()
	names, err := f.files.List("pool")
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestOlderPool goes on with a repository whose pool has a folder for each name:
// what lies there is found, and nothing is there twice.
func TestOlderPool(t *testing.T) {
	const older = "pool/main/a/app/app_1.0_amd64.deb"
	f := newFixture(t)
	start := time.Now()
	f.now = func() time.Time { return start }
	app := writeDeb(t, "app", "1.0", "amd64", "")
	f.publishOlder("nightly", app)
	f.verify()

	if again := f.publish("nightly", app); !again[0].Already || again[0].Filename != older {
		t.Errorf("the same again is %+v", again[0])
	}
	if there := f.publish("stable", app); there[0].Already || there[0].Filename != older {
		t.Errorf("the same in another suite is %+v", there[0])
	}
	if _, err := f.Publish(t.Context(), "stable", writeDeb(t, "app", "1.0", "amd64", "Extra: yes\n")); !errors.Is(err, ErrConflict) {
		t.Errorf("with other content: %v, want ErrConflict", err)
	}
	f.publish("nightly", writeDeb(t, "app", "1.1", "amd64", ""))
	f.publish("stable", writeDeb(t, "app", "1.2", "amd64", ""))
	if got, want := f.pool(), older+" pool/main/a/app_1.1_amd64.deb pool/main/a/app_1.2_amd64.deb"; got != want {
		t.Errorf("the pool has %q, want %q", got, want)
	}
	f.verify()

	f.now = func() time.Time { return start.Add(keepTime + time.Minute) }
	for range 2 { // the first makes the indices old that still name it
		if _, err := f.Prune(t.Context(), 1, nil); err != nil {
			t.Fatal(err)
		}
		f.now = func() time.Time { return start.Add(2 * (keepTime + time.Minute)) }
	}
	if _, err := os.Stat(filepath.Join(f.root, filepath.Dir(older))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its folder is still there (%v)", err)
	}
	f.verify()
}
