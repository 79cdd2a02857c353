package aptrepo

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
)

// faulty wraps the files of a repository and lets the operation after the next
// left fail: once, as on a disk that was full for a moment, or from then on, as
// if the process had died there.
type faulty struct {
	Files
	left atomic.Int64
	dead bool // all that follows fails too
	err  error
}

func (f *faulty) fail() error {
	n := f.left.Add(-1)
	if n == 0 || n < 0 && f.dead {
		return f.err
	}
	return nil
}

func (f *faulty) Open(name string) (File, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Files.Open(name)
}

func (f *faulty) Create(name string) (Draft, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	d, err := f.Files.Create(name)
	return &faultyDraft{d, f}, err
}

// Commit can fail after any of its puts.
func (f *faulty) Commit(puts ...Put) error {
	if err := f.fail(); err != nil {
		return err
	}
	for _, p := range puts {
		p.Draft = p.Draft.(*faultyDraft).Draft
		if err := f.Files.Commit(p); err != nil {
			return err
		}
		if err := f.fail(); err != nil {
			return err
		}
	}
	return nil
}

func (f *faulty) Remove(names ...string) error {
	for _, name := range names {
		if err := f.fail(); err != nil {
			return err
		}
		if err := f.Files.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

func (f *faulty) List(dir string) ([]string, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Files.List(dir)
}

func (f *faulty) Lock(ctx context.Context) (func(), error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Files.Lock(ctx)
}

type faultyDraft struct {
	Draft
	files *faulty
}

func (d *faultyDraft) Write(p []byte) (int, error) {
	if err := d.files.fail(); err != nil {
		n, _ := d.Draft.Write(p[:len(p)/2]) // a full disk takes what it can
		return n, err
	}
	return d.Draft.Write(p)
}

func (d *faultyDraft) CopyFrom(src File, offset, n int64) error {
	if err := d.files.fail(); err != nil {
		return errors.Join(err, d.Draft.CopyFrom(src, offset, n/2))
	}
	return d.Draft.CopyFrom(src, offset, n)
}

func (d *faultyDraft) Close() error {
	if err := d.files.fail(); err != nil {
		return errors.Join(err, d.Draft.Close())
	}
	return d.Draft.Close()
}

func (d *faultyDraft) Discard() {
	if !d.files.dead || d.files.left.Load() > 0 { // the dead don't clean up
		d.Draft.Discard()
	}
}

// TestEveryOperationFails lets each operation of a publish fail in turn. Hosts
// see the old suite or the new one, whole; and publishing again completes it.
func TestEveryOperationFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		dead bool
		err  error
	}{
		{"full disk", false, syscall.ENOSPC},
		{"full disk from then on", true, syscall.ENOSPC},
		{"crash", true, errors.New("the process is dead")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for n := int64(1); ; n++ {
				if done := failAt(t, n, tt.dead, tt.err); done {
					if n < 30 {
						t.Errorf("a publish is only %d operations", n)
					}
					return
				}
			}
		})
	}
}

// failAt publishes with the operation n failing, and tells whether there was
// none such.
func failAt(t *testing.T, n int64, dead bool, cause error) (done bool) {
	f := newFixture(t)
	f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""), writeDeb(t, "docs", "1", "all", ""))
	f.publish("stable", writeDeb(t, "base", "1.0", "amd64", ""))
	const old, fresh = "app_1.0_amd64 docs_1_all", "app_1.0_amd64 app_2.0_amd64 app_2.0_arm64 docs_1_all docs_2_all"
	next := []string{writeDeb(t, "app", "2.0", "amd64", ""), writeDeb(t, "app", "2.0", "arm64", ""), writeDeb(t, "docs", "2", "all", "")}

	files := &faulty{Files: f.files, dead: dead, err: cause}
	files.left.Store(n)
	broken := *f.Repository
	broken.files = files
	_, err := broken.Publish(t.Context(), "nightly", next...)
	seen := f.has("nightly")
	where := fmt.Sprintf("operation %d (%v)", n, err)
	if seen != old && seen != fresh || err == nil && seen != fresh {
		t.Errorf("%s: nightly has %q", where, seen)
	}
	if err != nil && !errors.Is(err, cause) {
		t.Errorf("%s: the cause is lost", where)
	}
	f.healthyByHash(where)
	// Whoever comes next, for another suite, cleans up first.
	f.publish("stable", writeDeb(t, "base", "2.0", "amd64", ""))
	f.verify()
	if seen == old {
		f.only(where, "base_1.0_amd64.deb", "base_2.0_amd64.deb", "app_1.0_amd64.deb", "docs_1_all.deb")
	}
	f.publish("nightly", next...)
	f.verify()
	if got := f.has("nightly"); got != fresh {
		t.Errorf("%s: published again, nightly has %q", where, got)
	}
	if t.Failed() {
		t.FailNow()
	}
	return files.left.Load() > 0
}
