package sign

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const release = "Origin: Example\nSuite: stable\nDate: Mon, 23 Nov 2026 12:00:00 UTC\nSHA256:\n 0123 17 main/binary-amd64/Packages\n"

func newKey(t *testing.T, identity string) *Key {
	t.Helper()
	k, err := Generate(identity)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func stored(t *testing.T, k *Key, path string, passphrase string) string {
	t.Helper()
	if err := k.Store(path, []byte(passphrase)); err != nil {
		t.Fatal(err)
	}
	return path
}

func word(s string) Passphrase { return func() ([]byte, error) { return []byte(s), nil } }

func mustSign(t *testing.T, ring *Keyring) (inRelease, detached, public []byte) {
	t.Helper()
	inRelease, err := ring.ClearSign([]byte(release))
	if err != nil {
		t.Fatal(err)
	}
	if detached, err = ring.DetachSign([]byte(release)); err != nil {
		t.Fatal(err)
	}
	if public, err = ring.PublicArmored(); err != nil {
		t.Fatal(err)
	}
	return inRelease, detached, public
}

func TestStoreAndLoad(t *testing.T) {
	for _, tt := range []struct{ name, passphrase string }{{"plain", ""}, {"protected", "correct horse"}} {
		t.Run(tt.name, func(t *testing.T) {
			path := stored(t, newKey(t, "Example <deploy@example.com>"), filepath.Join(t.TempDir(), "key.asc"), tt.passphrase)
			if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
				t.Errorf("the file has mode %v, want 0600 (%v)", info.Mode(), err)
			}
			ring, err := Load(path, word(tt.passphrase))
			if err != nil {
				t.Fatal(err)
			}
			inRelease, detached, _ := mustSign(t, ring)
			if text, err := ring.VerifyClear(inRelease); err != nil || string(text) != release {
				t.Errorf("VerifyClear returned %q, %v", text, err)
			}
			if err := ring.VerifyDetached([]byte(release), detached); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStoreKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	path := stored(t, newKey(t, "Example"), filepath.Join(dir, "key.asc"), "")
	before, _ := os.ReadFile(path)
	if err := newKey(t, "Other").Store(path, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("storing over a key returned %v", err)
	}
	after, _ := os.ReadFile(path)
	if !bytes.Equal(before, after) {
		t.Error("the key was overwritten")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("storing left %v behind", left)
	}
}

func TestVerifyRefuses(t *testing.T) {
	ring := NewKeyring(newKey(t, "Example"))
	inRelease, detached, _ := mustSign(t, ring)
	forged := bytes.Replace(inRelease, []byte("stable"), []byte("stabIe"), 1)
	if _, err := ring.VerifyClear(forged); err == nil {
		t.Error("a changed InRelease was accepted")
	}
	if err := ring.VerifyDetached([]byte(release+"X: y\n"), detached); err == nil {
		t.Error("a changed Release was accepted")
	}
	if _, err := NewKeyring(newKey(t, "Other")).VerifyClear(inRelease); err == nil {
		t.Error("a signature of a strange key was accepted")
	}
	if _, err := ring.VerifyClear([]byte(release)); err == nil {
		t.Error("an unsigned release was accepted")
	}
}

func TestClearSignRefusesWhatNeedsEscaping(t *testing.T) {
	ring := NewKeyring(newKey(t, "Example"))
	for _, text := range []string{"Origin: a\n-Suite: b\n", "Origin: a \nSuite: b\n", "Origin: a\r\n"} {
		if _, err := ring.ClearSign([]byte(text)); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("ClearSign(%q) returned %v", text, err)
		}
	}
}

func TestBadKeys(t *testing.T) {
	dir := t.TempDir()
	old, err := generate("Old", time.Now().Add(-48*time.Hour), 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	future, err := generate("Future", time.Now().Add(24*time.Hour), 0)
	if err != nil {
		t.Fatal(err)
	}
	good := newKey(t, "Good")
	public, err := NewKeyring(good).PublicArmored()
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, data []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	secret, err := good.armored(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path string
		ask        Passphrase
		is         error
		says       string
	}{
		{"missing", filepath.Join(dir, "none.asc"), nil, fs.ErrNotExist, "none.asc"},
		{"empty folder", empty, nil, fs.ErrNotExist, "*.asc"},
		{"no key", file("text.asc", []byte("hello\n"), 0o600), nil, nil, "text.asc"},
		{"truncated", file("cut.asc", secret[:len(secret)/2], 0o600), nil, nil, "cut.asc"},
		{"public", file("public.asc", public, 0o600), nil, nil, "is a public key"},
		{"open to all", file("open.asc", secret, 0o644), nil, nil, "chmod 600"},
		{"expired", stored(t, old, filepath.Join(dir, "old.asc"), ""), nil, ErrExpired, "old.asc: key " + old.Fingerprint() + " (Old): it expired at"},
		{"not yet", stored(t, future, filepath.Join(dir, "future.asc"), ""), nil, ErrExpired, "in the future"},
		{"wrong passphrase", stored(t, good, filepath.Join(dir, "locked.asc"), "right"), word("wrong"), ErrPassphrase, "locked.asc"},
		{"no passphrase", filepath.Join(dir, "locked.asc"), nil, ErrPassphrase, "no passphrase was given"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ring, err := Load(tt.path, tt.ask)
			if err == nil {
				_, err = ring.ClearSign([]byte(release))
			}
			if err == nil || (tt.is != nil && !errors.Is(err, tt.is)) || !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("got %v, want %v saying %q", err, tt.is, tt.says)
			}
		})
	}
}

// TestPublicNeedsNoPassphrase: enrolling a host must not ask for the secret.
func TestPublicNeedsNoPassphrase(t *testing.T) {
	path := stored(t, newKey(t, "Example"), filepath.Join(t.TempDir(), "key.asc"), "secret")
	ring, err := Load(path, func() ([]byte, error) { t.Error("the passphrase was asked for"); return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.PublicArmored(); err != nil {
		t.Error(err)
	}
}

// TestRotation goes through the package comment's three steps; hosts know the
// keyring of the step before.
func TestRotation(t *testing.T) {
	needs(t, "gpg", "gpgv")
	dir := t.TempDir()
	load := func() *Keyring {
		ring, err := Load(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		return ring
	}
	stored(t, newKey(t, "Old"), filepath.Join(dir, "2025.asc"), "")
	_, _, oldOnly := mustSign(t, load())
	stored(t, newKey(t, "New"), filepath.Join(dir, "2026.asc"), "")
	both, bothDetached, bothPublic := mustSign(t, load())
	if err := os.Remove(filepath.Join(dir, "2025.asc")); err != nil {
		t.Fatal(err)
	}
	newOnly, newDetached, _ := mustSign(t, load())

	for _, v := range verifiers(t) {
		for _, tt := range []struct {
			name                string
			public              []byte
			inRelease, detached []byte
			want                bool
		}{
			{"old host, both sign", oldOnly, both, bothDetached, true},
			{"moved host, both sign", bothPublic, both, bothDetached, true},
			{"moved host, new signs", bothPublic, newOnly, newDetached, true},
			{"old host, new signs", oldOnly, newOnly, newDetached, false},
		} {
			t.Run(v.name+"/"+tt.name, func(t *testing.T) {
				if err := v.check(t, tt.public, tt.inRelease, tt.detached); (err == nil) != tt.want {
					t.Errorf("accepted: %v, want %v (%v)", err == nil, tt.want, err)
				}
			})
		}
	}
}

// TestExpiredKeyStandsAside: a folder in which one key has expired signs with the other.
func TestExpiredKeyStandsAside(t *testing.T) {
	old, err := generate("Old", time.Now().Add(-48*time.Hour), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ring := NewKeyring(old, newKey(t, "New"))
	if keys, err := ring.Keys(); err != nil || len(keys) != 1 || !strings.Contains(keys[0].String(), "New") {
		t.Fatalf("Keys returned %v, %v", keys, err)
	}
	mustSign(t, ring)
}

func FuzzParseKeys(f *testing.F) {
	k, err := Generate("Example")
	if err != nil {
		f.Fatal(err)
	}
	secret, err := k.armored(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(secret)
	f.Add(secret[:len(secret)/2])
	f.Add([]byte("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entities, err := parseKeys(data)
		for _, e := range entities {
			k := &Key{entity: e}
			if err == nil && k.fit() == nil {
				_, _ = k.signer(time.Now()) // must not panic
			}
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(clearHead + release + clearFoot + "\n\nAA==\n"))
	f.Add([]byte(clearHead + clearFoot))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, signature, err := split(data)
		if err == nil && !bytes.Equal(bytes.Join([][]byte{[]byte(clearHead), text, signature}, nil), data) {
			t.Errorf("split lost bytes of %q", data)
		}
	})
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}
