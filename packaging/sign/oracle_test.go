package sign

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestThreeHundredSignatures holds every signature against gpgv's exit status
// and sqv. Encoders have been wrong in a few of a thousand (a missing checksum,
// a short integer), so one signature proves nothing.
func TestThreeHundredSignatures(t *testing.T) {
	needs(t, "gpg", "gpgv")
	ring := NewKeyring(newKey(t, "Example <deploy@example.com>"))
	public, err := ring.PublicArmored()
	if err != nil {
		t.Fatal(err)
	}
	dir := files(t, public, nil, nil)
	if out, err := run(dir, "gpg", "--homedir", dir, "--batch", "-o", "public.gpg", "--dearmor", "public.asc"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	withSqv := len(verifiers(t)) == 2
	count := 300
	if testing.Short() {
		count = 30
	}
	for i := range count {
		signEach(t, ring, dir, fmt.Sprintf("%sX-Count: %d\n", release, i), withSqv)
	}
}

func signEach(t *testing.T, ring *Keyring, dir, text string, withSqv bool) {
	inRelease, err := ring.ClearSign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	detached, err := ring.DetachSign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string][]byte{"Release": []byte(text), "Release.gpg": detached, "InRelease": inRelease})
	if out, err := run(dir, "gpgv", "--homedir", dir, "--keyring", "./public.gpg", "InRelease"); err != nil {
		t.Errorf("gpgv InRelease: %v: %s\n%s", err, out, inRelease)
	}
	if out, err := run(dir, "gpgv", "--homedir", dir, "--keyring", "./public.gpg", "Release.gpg", "Release"); err != nil {
		t.Errorf("gpgv Release.gpg: %v: %s", err, out)
	}
	if !withSqv {
		return
	}
	if out, err := run(dir, "sqv", "--keyring", "public.asc", "Release.gpg", "Release"); err != nil {
		t.Errorf("sqv Release.gpg: %v: %s", err, out)
	}
}

// TestImport signs with keys that gpg made and exported.
func TestImport(t *testing.T) {
	needs(t, "gpg", "gpgv", "gpgconf")
	home := t.TempDir()
	t.Cleanup(func() { _, _ = run(home, "gpgconf", "--homedir", home, "--kill", "all") })
	for _, tt := range []struct{ algorithm, passphrase, export string }{
		{"ed25519", "", "--armor"},
		{"ed25519", "geheim", "--armor"},
		{"rsa3072", "", "--no-armor"},
		{"rsa2048", "geheim", "--armor"},
	} {
		t.Run(tt.algorithm+tt.passphrase, func(t *testing.T) {
			exported := gpgKey(t, home, tt.algorithm, tt.passphrase, tt.export)
			imported, err := Import(exported)
			if err != nil {
				t.Fatal(err)
			}
			ring, err := Load(stored(t, imported, filepath.Join(t.TempDir(), "key.asc"), ""), word(tt.passphrase))
			if err != nil {
				t.Fatal(err)
			}
			inRelease, detached, public := mustSign(t, ring)
			for _, v := range verifiers(t) {
				if err := v.check(t, public, inRelease, detached); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestImportRefuses keys that some hosts would not take, before anything is signed.
func TestImportRefuses(t *testing.T) {
	needs(t, "gpg", "gpgconf")
	home := t.TempDir()
	t.Cleanup(func() { _, _ = run(home, "gpgconf", "--homedir", home, "--kill", "all") })
	for _, tt := range []struct{ algorithm, want string }{
		{"rsa1024", "RSA of 1024 bits, which Debian 13 does not accept"},
		{"dsa2048", "algorithm 17 is not one that every apt accepts"},
		{"nistp256", "algorithm 19 is not one that every apt accepts"},
	} {
		exported := gpgKey(t, home, tt.algorithm, "", "--armor")
		if _, err := Import(exported); err == nil || !strings.Contains(err.Error(), exported) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Import returned %v, want %q", tt.algorithm, err, tt.want)
		}
	}
}

// gpgKey returns the path of a fresh secret key as gpg exports it.
func gpgKey(t *testing.T, home, algorithm, passphrase, form string) string {
	t.Helper()
	id := fmt.Sprintf("%s%s@example.com", algorithm, passphrase)
	common := []string{"--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase}
	if out, err := run(home, "gpg", append(common, "--quick-generate-key", id, algorithm, "sign", "0")...); err != nil {
		t.Fatalf("cannot make a key: %v: %s", err, out)
	}
	path := filepath.Join(t.TempDir(), "exported")
	if out, err := run(home, "gpg", append(common, form, "-o", path, "--export-secret-keys", id)...); err != nil {
		t.Fatalf("cannot export a key: %v: %s", err, out)
	}
	return path
}

// TestGPGReadsOurs: whoever leaves us takes the key along.
func TestGPGReadsOurs(t *testing.T) {
	needs(t, "gpg", "gpgconf")
	for _, passphrase := range []string{"", "geheim"} {
		home := t.TempDir()
		t.Cleanup(func() { _, _ = run(home, "gpgconf", "--homedir", home, "--kill", "all") })
		k := newKey(t, "Example <deploy@example.com>")
		path := stored(t, k, filepath.Join(home, "key.asc"), passphrase)
		common := []string{"--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase}
		if out, err := run(home, "gpg", append(common, "--import", path)...); err != nil {
			t.Fatalf("gpg --import: %v: %s", err, out)
		}
		if err := os.WriteFile(filepath.Join(home, "text"), []byte(release), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := run(home, "gpg", append(common, "--status-fd", "1", "--sign", "text")...)
		if err != nil || !strings.Contains(string(out), k.Fingerprint()) {
			t.Errorf("gpg cannot sign with the key (passphrase %q): %v: %s", passphrase, err, out)
		}
	}
}
