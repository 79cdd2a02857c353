package sign

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// verifier is a program by which some apt checks what it fetched.
type verifier struct {
	name  string
	check func(t *testing.T, public, inRelease, detached []byte) error
}

// verifiers returns those that are installed: gpgv up to Debian 12, sqv from 13.
func verifiers(t *testing.T) []verifier {
	t.Helper()
	var found []verifier
	for _, v := range []verifier{{"gpgv", gpgv}, {"sqv", sqv}} {
		if _, err := exec.LookPath(v.name); err == nil {
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		t.Skip("neither gpgv nor sqv is installed")
	}
	return found
}

func gpgv(t *testing.T, public, inRelease, detached []byte) error {
	dir := files(t, public, inRelease, detached)
	if out, err := run(dir, "gpg", "--homedir", dir, "--batch", "-o", "public.gpg", "--dearmor", "public.asc"); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	// apt asks for one good signature, where gpgv's status is that of all.
	for _, args := range [][]string{{"InRelease"}, {"Release.gpg", "Release"}} {
		out, err := run(dir, "gpgv", append([]string{"--homedir", dir, "--status-fd", "1", "--keyring", "./public.gpg"}, args...)...)
		if !good(out) {
			return fmt.Errorf("gpgv %v: %v: %s", args, err, out)
		}
	}
	return nil
}

func sqv(t *testing.T, public, inRelease, detached []byte) error {
	dir := files(t, public, inRelease, detached)
	if out, err := run(dir, "sqv", "--keyring", "public.asc", "Release.gpg", "Release"); err != nil {
		return fmt.Errorf("sqv Release.gpg: %w: %s", err, out)
	}
	// apt takes InRelease apart itself before it asks sqv.
	text, signature, err := split(inRelease)
	if err != nil {
		return err
	}
	write(t, dir, map[string][]byte{"text": bytes.TrimSuffix(text, []byte("\n")), "text.asc": signature})
	if out, err := run(dir, "sqv", "--keyring", "public.asc", "text.asc", "text"); err != nil {
		return fmt.Errorf("sqv InRelease: %w: %s", err, out)
	}
	return nil
}

// good reads gpgv's status lines as apt does.
func good(status []byte) bool {
	return bytes.Contains(status, []byte("[GNUPG:] VALIDSIG ")) && !bytes.Contains(status, []byte("[GNUPG:] BADSIG ")) &&
		!bytes.Contains(status, []byte("[GNUPG:] NODATA "))
}

func files(t *testing.T, public, inRelease, detached []byte) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"public.asc": public, "InRelease": inRelease, "Release": []byte(release), "Release.gpg": detached})
	return dir
}

func write(t *testing.T, dir string, contents map[string][]byte) {
	t.Helper()
	for name, data := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func run(dir, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd.CombinedOutput()
}
