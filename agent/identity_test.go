package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nkeys"
)

func TestIdentity(t *testing.T) {
	f := Places(t.TempDir(), t.TempDir())
	first, err := Identity(f)
	if err != nil || !nkeys.IsValidPublicUserKey(first) {
		t.Fatalf("Identity returned %q, %v", first, err)
	}
	if again, err := Identity(f); again != first || err != nil {
		t.Errorf("asked again it is %q, %v, and was %q", again, err, first)
	}
	for _, path := range []string{f.seed(), f.machine()} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	entries, err := os.ReadDir(f.Home)
	if len(entries) != 2 || err != nil {
		t.Errorf("it left %v, %v", entries, err)
	}
	nonce := []byte("nonce")
	signature, err := f.sign(nonce)
	if err != nil {
		t.Fatal(err)
	}
	key, err := nkeys.FromPublicKey(first)
	if err != nil || key.Verify(nonce, signature) != nil {
		t.Errorf("the signature does not hold: %v", err)
	}
}

// TestClone has a machine come to life from the disk of another: it gets a key
// of its own, and never uses the other's.
func TestClone(t *testing.T) {
	f := Places(t.TempDir(), t.TempDir())
	machine := filepath.Join(t.TempDir(), "machine-id")
	write(t, machine, "one\n")
	if err := f.makeSeed(machine); err != nil {
		t.Fatal(err)
	}
	first, err := f.public(machine)
	if err != nil {
		t.Fatal(err)
	}
	write(t, machine, "two\n")
	if _, err := f.public(machine); !errors.Is(err, ErrCloned) {
		t.Errorf("a clone uses the key: %v", err)
	}
	if err := f.makeSeed(machine); err != nil {
		t.Fatal(err)
	}
	if second, err := f.public(machine); second == first || err != nil {
		t.Errorf("a clone has the key %q, %v", second, err)
	}
	if err := os.Remove(machine); err != nil {
		t.Fatal(err)
	}
	if _, err := f.public(machine); err != nil {
		t.Errorf("without an id of the machine: %v", err)
	}
}

// TestIdentityWithoutFolder needs the package's folder, which it does not make.
func TestIdentityWithoutFolder(t *testing.T) {
	if _, err := Identity(Places("/no/etc", "/no/home")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Identity returned %v", err)
	}
}
