package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSecretsAreSecret(t *testing.T) {
	state := t.TempDir()
	b, _ := listening(t, state)
	for _, name := range []string{SecretsName, authorityName} {
		info, err := os.Stat(filepath.Join(state, "bus", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	before := public(b.secrets.account)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if after := public(open(t, state).secrets.account); after != before {
		t.Errorf("the account was %s and is %s", before, after)
	}
}

// TestDamagedSecrets: keys are never made anew where there are some, and never
// shown.
func TestDamagedSecrets(t *testing.T) {
	state := t.TempDir()
	b := open(t, state)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(state, "bus", SecretsName)
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"empty": "", "cut": string(sound[:len(sound)/2]), "newer": strings.Replace(string(sound), `"version": 1`, `"version": 2`, 1),
		"flipped": strings.Replace(string(sound), `"agents": "SAA`, `"agents": "SAB`, 1), "other kind": strings.Replace(string(sound), `"operator": "SO`, `"operator": "SA`, 1),
	} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), Options{State: state})
		if err == nil || !strings.Contains(err.Error(), "cannot read the keys of the bus in "+path) || strings.Contains(err.Error(), "SA") || strings.Contains(err.Error(), "SO") {
			t.Errorf("%s: Open returned %v", name, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != data {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
}

func FuzzParseSecrets(f *testing.F) {
	path := filepath.Join(f.TempDir(), SecretsName)
	if _, err := ownSecrets(path); err != nil {
		f.Fatal(err)
	}
	sound, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sound)
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSecrets(data)
		if err == nil {
			for _, k := range s.all() {
				public(*k.pair)
			}
		}
	})
}

// TestStoreOfEarlierVersion: before there were accounts the streams lay in the
// server's global one.
func TestStoreOfEarlierVersion(t *testing.T) {
	state := t.TempDir()
	b := open(t, state)
	if _, err := b.PublishAll(t.Context(), message("x")); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	ours := filepath.Dir(filepath.Dir(streamFolder(t, state, Journal)))
	if err := os.Rename(ours, filepath.Join(filepath.Dir(ours), "$G")); err != nil {
		t.Fatal(err)
	}
	if n := count(t, open(t, state)); n != 1 {
		t.Errorf("%d messages are there", n)
	}
}

// TestCertificateIsReplaced: by a new one of ours in time, and by the user's when
// the files change.
func TestCertificateIsReplaced(t *testing.T) {
	folder := t.TempDir()
	a, err := ownAuthority(filepath.Join(folder, authorityName))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "server.pem")
	write := func(life, age time.Duration) {
		t.Helper()
		data, err := a.issue([]string{"deploy.example.com", "10.0.0.1"}, life)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(serverLife, time.Hour)
	config, err := (&Listen{Certificate: path, Key: path}).tls(folder)
	if err != nil {
		t.Fatal(err)
	}
	get := func() *tls.Certificate {
		t.Helper()
		c, err := config.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := get()
	if get() != first {
		t.Error("a certificate that did not change was read again")
	}
	write(serverLife, time.Minute)
	second := get()
	if second.Leaf.Equal(first.Leaf) || second.Leaf.VerifyHostname("10.0.0.1") != nil {
		t.Errorf("the new certificate is for %v", second.Leaf.DNSNames)
	}
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !get().Leaf.Equal(second.Leaf) {
		t.Error("a damaged file replaced the certificate")
	}
	if halfway(first) != true || halfway(&tls.Certificate{Leaf: expiring(t, a)}) {
		t.Error("what has most of its life before it is not told from what has not")
	}
	if _, err := (&Listen{Certificate: filepath.Join(folder, "none")}).tls(folder); err == nil {
		t.Error("a missing certificate was taken")
	}
}

// TestCertificateIsReplacedByHalves: agents come while the certificate is new already,
// and its key is not, as whatever renews them writes one after the other.
func TestCertificateIsReplacedByHalves(t *testing.T) {
	folder := t.TempDir()
	a, err := ownAuthority(filepath.Join(folder, authorityName))
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	write := func(name string, data []byte) (path string) {
		t.Helper()
		path = filepath.Join(folder, name)
		written++
		at := time.Now().Add(time.Duration(written-100) * time.Minute)
		if err := errors.Join(os.WriteFile(path, data, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	issue := func() []byte {
		t.Helper()
		data, err := a.issue([]string{"deploy.example.com"}, serverLife)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	old, next := issue(), issue()
	config, err := (&Listen{Certificate: write("server.crt", old), Key: write("server.key", old)}).tls(folder)
	if err != nil {
		t.Fatal(err)
	}
	get := func() *x509.Certificate {
		t.Helper()
		c, err := config.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf
	}
	first := get()
	write("server.crt", next)
	if !get().Equal(first) {
		t.Error("a certificate without its key replaced the one before")
	}
	write("server.key", next)
	if get().Equal(first) {
		t.Error("the old certificate stays, and the files of a new one are there")
	}
}

func TestKey(t *testing.T) {
	for name, want := range map[string]string{"web-1_a": "web-1_a", "web1.example.com": "web1=2Eexample=2Ecom", "a=2Eb": "a=3D2Eb", "ü*>": "=C3=BC=2A=3E"} {
		if got := Key(name); got != want {
			t.Errorf("the key of %q is %q, want %q", name, got, want)
		}
	}
}

func expiring(t *testing.T, a *authority) *x509.Certificate {
	t.Helper()
	data, err := a.issue(nil, serverLife/3)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}
