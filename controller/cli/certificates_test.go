package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/controller/config"
)

// certified writes certificates, each valid from a time to another, with the key of
// the first, as PEM in one file.
func certified(t *testing.T, path string, validity ...[2]time.Time) {
	t.Helper()
	var text bytes.Buffer
	for i, v := range validity {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: v[0], NotAfter: v[1]}
		der, err1 := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		secret, err2 := x509.MarshalPKCS8PrivateKey(key)
		if err := errors.Join(err1, err2, pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			err = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: secret})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

const day = 24 * time.Hour

func TestCertificateEnds(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	between := func(from, to time.Duration) [2]time.Time { return [2]time.Time{now.Add(from), now.Add(to)} }
	for _, tt := range []struct {
		name  string
		chain [][2]time.Time
		want  string
	}{
		{"a quarter", [][2]time.Time{between(-70*day, 20*day)}, ""},
		{"two weeks", [][2]time.Time{between(-70*day, 13*day)}, willEnd + " " + now.Add(13*day).Format("2006-01-02")},
		{"a week's, half over", [][2]time.Time{between(-3*day, 3*day)}, ""},
		{"a week's, nearly over", [][2]time.Time{between(-5*day, day)}, willEnd},
		{"over", [][2]time.Time{between(-90*day, -day)}, isOver + " " + now.Add(-day).Format("2006-01-02")},
		{"of tomorrow", [][2]time.Time{between(day, 90*day)}, notValid},
		{"its signer over", [][2]time.Time{between(-day, 90*day), between(-90*day, -time.Minute)}, isOver},
	} {
		path := filepath.Join(t.TempDir(), "server.pem")
		certified(t, path, tt.chain...)
		_, err := certificateFile{"the API", path, path, "reload"}.check(now)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), path+", "+tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestDoctorOfCertificates: the command names each file that is to be replaced, with
// its date, and says else which one is the first.
func TestDoctorOfCertificates(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	if status, _, stderr := run(t, "init", "--dir", dir, "--state", filepath.Join(dir, "state")); status != exitDone {
		t.Fatalf("init ended with %d: %s", status, stderr)
	}
	path := filepath.Join(dir, "aptfleet.toml")
	settings, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tables := "[server]\nlisten = \"127.0.0.1:8070\"\ntls_cert = \"api.pem\"\ntls_key = \"api.pem\"\n" +
		"[bus]\nlisten = \":8072\"\nnames = [\"localhost\"]\ntls_cert = \"door.pem\"\ntls_key = \"door.pem\"\nca = \"ca.pem\"\n"
	if err := os.WriteFile(path, append(settings, tables...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"api.pem", "door.pem", "ca.pem"} {
		certified(t, filepath.Join(dir, name), [2]time.Time{now.Add(-day), now.Add(100 * day)})
	}
	says := func(want string) {
		t.Helper()
		if _, stdout, stderr := run(t, "--config", path, "doctor"); !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("doctor does not say %s:\n%s%s", want, stdout, stderr)
		}
	}
	certified(t, filepath.Join(dir, "door.pem"), [2]time.Time{now.Add(-day), now.Add(50 * day)})
	says(`(?m)^certificates +ok +that of the agents' door, .*/door.pem, ends first, on ` + now.Add(50*day).Format(time.DateOnly))
	certified(t, filepath.Join(dir, "door.pem"), [2]time.Time{now.Add(-50 * day), now.Add(-day)})
	certified(t, filepath.Join(dir, "api.pem"), [2]time.Time{now.Add(-90 * day), now.Add(3 * day)})
	says(`(?ms)^certificates +MEND +.*api.pem, ends on ` + now.Add(3*day).Format(time.DateOnly) + `.*door.pem, is over since ` + now.Add(-day).Format(time.DateOnly))
	if err := os.Remove(filepath.Join(dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	says(`(?m)^.*cannot use the certificate of the bus's authority, .*ca.pem: `)
}

// TestDaemonWarnsOfCertificates: at its start, and then daily, also of what was in
// time when it began.
func TestDaemonWarnsOfCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "api.pem")
		certified(t, path, [2]time.Time{time.Now().Add(-70 * day), time.Now().Add(15*day + time.Hour)})
		var log bytes.Buffer
		cfg := &config.Config{Server: config.Server{TLSCert: path, TLSKey: path}}
		s := &service{daemon: newDaemon(slog.New(slog.NewTextHandler(&log, nil)), cfg, openJournal{}, nil)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.certificates(ctx) }()
		time.Sleep(18*day + time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if soon, over := strings.Count(log.String(), "ends soon"), strings.Count(log.String(), "of no use"); soon != 14 || over != 3 {
			t.Errorf("in 18 days it warned %d times of the end, and %d times after it:\n%s", soon, over, log.String())
		}
	})
}
