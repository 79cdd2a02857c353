package probe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/pkg/debian"
	"github.com/aptfleet/aptfleet/pkg/health"
)

func TestParseUpgrades(t *testing.T) {
	for _, tt := range []struct {
		name, lines string
		want        *health.Upgrades
		err         string
	}{
		{"nothing", "Reading package lists...\n0 upgraded, 0 newly installed\n", &health.Upgrades{}, ""},
		{"all kinds", `Inst libc6 [2.36-9] (2.36-9+deb12u4 Debian:12.9/stable, Debian-Security:12/stable-security [amd64]) []
Inst shop [1.0] (1.1 Example:stable/stable [all])
Inst new-kernel (6.1 Debian-Security:12/stable-security [amd64])
Inst jammy [1] (2 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])
Remv old [1]
Conf shop (1.1 Example:stable/stable [all])
`, &health.Upgrades{Pending: 3, Security: 2}, ""},
		{"package of that name", "Inst my-security [1] (2 Example:stable/stable [all])\n", &health.Upgrades{Pending: 1}, ""},
		{"without origin", "Inst shop [1.0]\n", nil, `cannot read the line "Inst shop [1.0]\n" of apt`},
		{"without all", "Inst \n", nil, "cannot read the line"},
	} {
		got, err := parseUpgrades(tt.lines)
		if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
}

func FuzzParseUpgrades(f *testing.F) {
	f.Add("Inst libc6 [2.36-9] (2.36-9+deb12u4 Debian:12.9/stable, Debian-Security:12/stable-security [amd64]) []\n")
	f.Fuzz(func(t *testing.T, lines string) {
		got, err := parseUpgrades(lines)
		if err == nil && (got.Security > got.Pending || got.Pending > strings.Count(lines, "\n")+1) {
			t.Errorf("%q has %+v", lines, got)
		}
	})
}

func TestUpgrades(t *testing.T) {
	apt := Apt{Argv: []string{"sh", "-c", "echo 'Inst shop [1] (2 Example:stable/stable [all])'; echo $LC_ALL >&2"}}
	if got, err := apt.Upgrades(t.Context()); err != nil || got.Pending != 1 {
		t.Errorf("Upgrades returned %+v, %v", got, err)
	}
	apt.Argv = []string{"sh", "-c", "echo 'E: bad lists' >&2; exit 100"}
	if _, err := apt.Upgrades(t.Context()); err == nil || err.Error() != "cannot ask apt for upgrades: exit status 100: E: bad lists" {
		t.Errorf("Upgrades returned %v", err)
	}
}

func TestListsAge(t *testing.T) {
	apt := Apt{Lists: filepath.Join(t.TempDir(), "lists")}
	if age, err := apt.ListsAge(); age != 0 || err != nil {
		t.Errorf("without lists their age is %v, %v", age, err)
	}
	partial := filepath.Join(apt.Lists, "partial")
	if err := os.MkdirAll(partial, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir, age := range map[string]time.Duration{apt.Lists: 50 * time.Hour, partial: 2 * time.Hour} {
		if err := os.Chtimes(dir, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if age, err := apt.ListsAge(); age.Round(time.Hour) != 2*time.Hour || err != nil {
		t.Errorf("the age is %v, %v", age, err)
	}
}

func TestNewerKernel(t *testing.T) {
	for _, tt := range []struct {
		running   string
		installed string
		want      bool
	}{
		{"6.1.0-18-amd64", "6.1.0-18-amd64", false},
		{"6.1.0-18-amd64", "6.1.0-18-amd64 6.1.0-20-amd64", true},
		{"6.1.0-20-amd64", "6.1.0-18-amd64 6.1.0-20-amd64", false},
		{"6.1.0-9-amd64", "6.1.0-9-amd64 6.1.0-18-amd64", true},
		{"6.1.0-18-cloud-amd64", "6.1.0-18-cloud-amd64 6.1.0-20-amd64", false},
		{"6.12.38+deb13-amd64", "6.12.38+deb13-amd64 6.12.41+deb13-amd64", true},
		{"5.10.0-0.deb10.16-amd64", "5.10.0-0.deb10.16-amd64 5.10.0-0.deb10.30-amd64", true},
		{"5.15.0-91-generic", "5.15.0-91-generic 5.15.0-101-generic generic", true},
		{"6.1.99-custom", "6.1.0-18-amd64 6.2.0-1-custom", false},
		{"6.1.0", "6.1.0-18-amd64", false},
	} {
		var db debian.Database
		var status strings.Builder
		for kernel := range strings.FieldsSeq(tt.installed) {
			status.WriteString(stanza("linux-image-"+kernel, "install ok installed", "1"))
		}
		if err := db.Read(strings.NewReader(status.String())); err != nil {
			t.Fatal(err)
		}
		if got := newerKernel(tt.running, &db); got != tt.want {
			t.Errorf("running %s with %s: a newer kernel is %v", tt.running, tt.installed, got)
		}
	}
}

func TestRebootRequired(t *testing.T) {
	d := newHost(t).Dpkg
	r := Reboot{File: filepath.Join(t.TempDir(), "reboot-required"), Dpkg: d}
	if got, err := r.Required(); got || err != nil {
		t.Errorf("nobody asked for a reboot: %v, %v", got, err)
	}
	write(t, filepath.Join(d.Dir, "status"), stanza("linux-image-"+release(), "install ok installed", "1")+
		stanza("linux-image-999."+release(), "install ok installed", "1"))
	if got, err := r.Required(); !got || err != nil {
		t.Errorf("a newer kernel is installed than %s: %v, %v", release(), got, err)
	}
	write(t, filepath.Join(d.Dir, "status"), "")
	if got, err := r.Required(); got || err != nil {
		t.Errorf("the kernel is gone again: %v, %v", got, err)
	}
	write(t, r.File, "*** System restart required ***\n")
	if got, err := r.Required(); !got || err != nil {
		t.Errorf("the file asked for a reboot: %v, %v", got, err)
	}
}

func TestMemoryOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "meminfo")
	for _, tt := range []struct {
		text             string
		total, available int64
		err              string
	}{
		{"MemTotal: 2048 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB\nHugePages_Total: 0\n", 2 << 20, 1 << 20, ""},
		{"MemTotal: 1 kB\nMemAvailable: 2 kB\n", 1 << 10, 1 << 10, ""},
		{"MemFree: 1 kB\n", 0, 0, "does not tell it"},
		{"MemTotal: much kB\n", 0, 0, "cannot read the line"},
	} {
		write(t, file, tt.text)
		total, available, err := MemoryOf(file)
		if total != tt.total || available != tt.available || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q has %d of %d bytes, %v", tt.text, available, total, err)
		}
	}
}
