package debian

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var compareTests = []struct {
	a, b string
	want int
}{
	{"1.0", "1.0", 0},
	{"1.0", "1.1", -1},
	{"1.9", "1.10", -1},
	{"1.0-1", "1.0", 1},
	{"1.0-2-1", "1.0-10", 1}, // the revision starts at the last hyphen
	{"1.0~rc1", "1.0", -1},
	{"1.0~~", "1.0~", -1},
	{"1:0.9", "2.0", 1},
	{"0:1.0", "1.0", 0},
	{"1.0+b1", "1.0", 1},
	{"1.0a", "1.0+", -1}, // letters before other characters
	{"1.001", "1.1", 0},
	{"1.0-0", "1.0", 0},
	{"2147483647:1", "1:1", 1},
	{"1:1:2", "1:1:1", 1},
	{"1.0-1~bpo12+1", "1.0-1", -1},
	{"99999999999999999999999", "99999999999999999999998", 1},
}

func TestCompareVersions(t *testing.T) {
	for _, tt := range compareTests {
		if got := CompareVersions(tt.a, tt.b); sign(got) != tt.want {
			t.Errorf("CompareVersions(%q, %q) is %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := CompareVersions(tt.b, tt.a); sign(got) != -tt.want {
			t.Errorf("CompareVersions(%q, %q) is %d, want %d", tt.b, tt.a, got, -tt.want)
		}
	}
}

func TestCompareVersionsAgreesWithDpkg(t *testing.T) {
	needs(t, "dpkg")
	ops := map[int]string{-1: "lt", 0: "eq", 1: "gt"}
	for _, tt := range compareTests {
		if err := exec.Command("dpkg", "--compare-versions", tt.a, ops[tt.want], tt.b).Run(); err != nil {
			t.Errorf("dpkg disagrees that %q %s %q: %v", tt.a, ops[tt.want], tt.b, err)
		}
	}
}

// TestInstalledVersion has dpkg read the version and say it again.
func TestInstalledVersion(t *testing.T) {
	needs(t, "dpkg-query")
	for _, tt := range []struct{ version, want string }{
		{"1.0", "1.0"}, {"0:1.0-1", "1.0-1"}, {"00:1.0", "1.0"}, {"01:1.0", "1:1.0"}, {"10:1.0", "10:1.0"}, {"00:1:2", "0:1:2"},
	} {
		if got := InstalledVersion(tt.version); got != tt.want {
			t.Errorf("InstalledVersion(%q) is %q, want %q", tt.version, got, tt.want)
		}
		dir := t.TempDir()
		status := "Package: p\nStatus: install ok installed\nMaintainer: m\nArchitecture: all\nVersion: " + tt.version + "\nDescription: d\n"
		if err := os.WriteFile(filepath.Join(dir, "status"), []byte(status), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("dpkg-query", "--admindir="+dir, "-W", "-f", "${Version}", "p").CombinedOutput()
		if string(out) != tt.want {
			t.Errorf("dpkg makes %q of %q, want %q: %v", out, tt.version, tt.want, err)
		}
	}
}

var validateVersionTests = []struct {
	version, want string // want is part of the error, "" for none
}{
	{"1.0", ""},
	{"0", ""},
	{"1:2.3-4+deb12u1~bpo1", ""},
	{"1:1:2-3", ""},
	{"1-2-3", ""},
	{"2147483647:1", ""},
	{"", "empty"},
	{"1:", "empty"},
	{"1.0-", "revision is empty"},
	{"-1", "empty"},
	{"v1.0", "begin with a digit"},
	{":1.0", "epoch"},
	{"a:1.0", "epoch"},
	{"-1:1.0", "epoch"},
	{"2147483648:1", "epoch"},
	{"1.0 ", `" "`},
	{"1 .0", `" "`},
	{"1.0\nEssential", `"\n"`},
	{"1.0_1", `"_"`},
	{"1.0/../x", `"/"`},
	{"1.0-1_1", "revision contains"},
	{"1.0é", "contains"},
	{"１.0", "begin with a digit"}, // a full-width digit
}

func TestValidateVersion(t *testing.T) {
	for _, tt := range validateVersionTests {
		checkError(t, tt.version, ValidateVersion(tt.version), tt.want)
	}
}

// TestValidateVersionAgreesWithDpkg leaves out blanks at the ends, which dpkg
// trims and a package's version must not have.
func TestValidateVersionAgreesWithDpkg(t *testing.T) {
	needs(t, "dpkg")
	for _, tt := range validateVersionTests {
		if tt.version != strings.TrimSpace(tt.version) {
			continue
		}
		err := exec.Command("dpkg", "--validate-version", tt.version).Run()
		if (err == nil) != (tt.want == "") {
			t.Errorf("dpkg --validate-version %q says %v, we say %q", tt.version, err, tt.want)
		}
	}
}

func TestWithoutEpoch(t *testing.T) {
	for in, want := range map[string]string{"1:2.0-1": "2.0-1", "2.0": "2.0", "1:2:3": "2:3"} {
		if got := WithoutEpoch(in); got != want {
			t.Errorf("WithoutEpoch(%q) is %q, want %q", in, got, want)
		}
	}
}

// FuzzVersion holds that versions have an order whatever the strings, and that
// what is valid survives the trip through a name.
func FuzzVersion(f *testing.F) {
	for _, tt := range compareTests {
		f.Add(tt.a, tt.b)
	}
	for _, tt := range validateVersionTests {
		f.Add(tt.version, "1.0")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if x, y := sign(CompareVersions(a, b)), sign(CompareVersions(b, a)); x != -y {
			t.Errorf("%q to %q is %d, but %q to %q is %d", a, b, x, b, a, y)
		}
		if CompareVersions(a, a) != 0 {
			t.Errorf("%q differs from itself", a)
		}
		if ValidateVersion(a) == nil && strings.ContainsAny(a, " \t\r\n/\x00") {
			t.Errorf("%q is valid", a)
		}
	})
}

func sign(n int) int { return min(1, max(-1, n)) }

func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed, and it is the oracle", tool)
		}
	}
}

// checkError wants an error that contains want, and none where want is "".
func checkError(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%q: unexpected error: %v", what, err)
	case want != "" && err == nil:
		t.Errorf("%q: no error, want one that contains %q", what, want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("%q: error %q does not contain %q", what, err, want)
	}
}
