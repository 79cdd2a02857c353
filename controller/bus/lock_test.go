package bus

import (
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
