package bus

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

// TestUnlockBesideChild: a child that has a copy of the locked file, as every
// child has between fork and exec, does not keep the folder.
func TestUnlockBesideChild(t *testing.T) {
	state := t.TempDir()
	f, err := lock(state, "first")
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("cat")
	child.ExtraFiles = []*os.File{f}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := unlock(f); err != nil {
		t.Error(err)
	}
	again, err := lock(state, "second")
	if err != nil {
		t.Errorf("with the folder given back: %v", err)
	} else if err := unlock(again); err != nil {
		t.Error(err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

// TestFree: to look whether a folder is free neither takes nor makes anything.
func TestFree(t *testing.T) {
	state := t.TempDir()
	if err := Free(state); err != nil {
		t.Errorf("a folder that nobody ever had: %v", err)
	}
	f, err := lock(state, "first")
	if err != nil {
		t.Fatal(err)
	}
	err = Free(state)
	if held, ok := errors.AsType[*LockedError](err); !ok || held.PID != os.Getpid() || held.Command != "first" {
		t.Errorf("of a folder that this process has: %v", err)
	}
	if err := unlock(f); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := Free(state); err != nil {
			t.Errorf("a folder that was given back: %v", err)
		}
	}
}
