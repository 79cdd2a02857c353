package health

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	http := func(url string) Probe { return Probe{Kind: HTTP, Target: url} }
	for _, tt := range []struct {
		probe Probe
		want  string // in the error; "" is none
	}{
		{Probe{Kind: Package, Target: "shop-web"}, ""},
		{Probe{Kind: Package, Target: "Shop"}, "is not a package name"},
		{Probe{Kind: Unit, Target: "shop-web@1.service"}, ""},
		{Probe{Kind: Unit, Target: `dev-disk-by\x2duuid.device`}, ""},
		{Probe{Kind: Unit, Target: "shop-web"}, "is no unit of systemd"},
		{Probe{Kind: Unit, Target: "--all.service"}, "is no unit of systemd"},
		{http("http://127.0.0.1:8080/healthz"), ""},
		{http("https://[::1]/"), ""},
		{http("ftp://x/"), "is no URL of the form"},
		{http("http:///x"), "is no URL of the form"},
		{http("http://%zz/"), "is no URL"},
		{http("http://me:secret@x/"), "has a user in it"},
		{http("http://x/\n"), "unprintable"},
		{Probe{Kind: HTTP, Target: "http://x/", Status: 99}, "99 is no status"},
		{Probe{Kind: HTTP, Target: "http://x/", Contains: `{"v":"{version:shop-web}"}`}, ""},
		{Probe{Kind: HTTP, Target: "http://x/", Contains: "{version:}"}, "is not a package name"},
		{Probe{Kind: HTTP, Target: "http://x/", Contains: "{version}"}, "want {version:PACKAGE}"},
		{Probe{Kind: TCP, Target: "127.0.0.1:5432"}, ""},
		{Probe{Kind: TCP, Target: "db.example.com:65535", Timeout: MaxTimeout}, ""},
		{Probe{Kind: TCP, Target: "127.0.0.1:0"}, "is no HOST:PORT"},
		{Probe{Kind: TCP, Target: ":80"}, "is no HOST:PORT"},
		{Probe{Kind: TCP, Target: "x"}, "is no HOST:PORT"},
		{Probe{Kind: TCP, Target: "x:1", Timeout: -1}, "timeout must be between"},
		{Probe{Kind: TCP, Target: "x:1", Timeout: time.Hour}, "timeout must be between"},
		{Probe{Kind: Disk, Target: "/", MinFree: 1}, ""},
		{Probe{Kind: Disk, Target: "/"}, "min_free must be more than 0"},
		{Probe{Kind: Disk, Target: "/a/..", MinFree: 1}, "absolute path"},
		{Probe{Kind: Disk, Target: "a", MinFree: 1}, "absolute path"},
		{Probe{Kind: HTTP, Target: "http://x/", Contains: strings.Repeat("x", maxContains+1)}, "contains: it is longer than"},
		{NewMemory(1), ""},
		{NewMemory(0), "min_available must be more than 0"},
		{Probe{Kind: Memory, Target: "swap", MinFree: 1}, `"swap" is not what a probe for memory looks at`},
		{NewClock(time.Hour), ""},
		{NewClock(0), "max_skew must be more than 0s"},
		{NewClock(2 * time.Hour), "at most 1h0m0s, is 2h0m0s"},
		{Probe{Kind: Clock, Target: "available", MaxSkew: 1}, "is not what a probe for clock looks at"},
		{NewCommand("/bin/check", "-v", "two words"), ""},
		{NewCommand(), "no program is named"},
		{NewCommand("-x"), "no program is named"},
		{NewCommand("x", "\x00"), "zero byte"},
		{Probe{Kind: Command, Target: "y", Argv: []string{"x"}}, "does not name the command"},
		{NewCommand(strings.Repeat("x", maxName)), "is longer than"},
		{Probe{Kind: "mood", Target: "x"}, "unknown kind"},
	} {
		if err := tt.probe.Validate(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Validate of %s returned %v, want %q", tt.probe.Name(), err, tt.want)
		}
	}
}

func TestValidateAll(t *testing.T) {
	probe := Probe{Kind: TCP, Target: "x:1"}
	for _, tt := range []struct {
		probes []Probe
		want   string
	}{
		{[]Probe{probe, {Kind: TCP, Target: "x:2"}}, ""},
		{[]Probe{probe, probe}, "tcp x:1: it is there twice"},
		{[]Probe{{Kind: TCP, Target: "x"}}, `tcp x: "x" is no HOST:PORT`},
		{make([]Probe, MaxProbes+1), "65 probes are more than 64"},
	} {
		if err := ValidateAll(tt.probes); (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want {
			t.Errorf("ValidateAll returned %v, want %q", err, tt.want)
		}
	}
}

func TestNewCommand(t *testing.T) {
	for _, tt := range []struct {
		argv []string
		want string
	}{
		{[]string{"/bin/check", "-v"}, "command /bin/check -v"},
		{[]string{"sh", "-c", "exit 1\n"}, `command sh -c "exit 1\n"`},
		{[]string{"a b", ""}, `command "a b" ""`},
		{[]string{"a", `"b"`}, `command a "\"b\""`},
	} {
		if got := NewCommand(tt.argv...).Name(); got != tt.want {
			t.Errorf("%q is called %s, want %s", tt.argv, got, tt.want)
		}
	}
}

func TestExpected(t *testing.T) {
	installed := map[string]string{"shop-web": "1.2-1", "shop": "2"}
	for _, tt := range []struct{ contains, want, err string }{
		{"", "", ""},
		{"ok", "ok", ""},
		{`{"version":"{version:shop-web}"}`, `{"version":"1.2-1"}`, ""},
		{"{version:shop}/{version:shop-web}", "2/1.2-1", ""},
		{"{version:gone}", "", "gone is not installed, so its version cannot be in the answer"},
	} {
		got, err := Probe{Kind: HTTP, Contains: tt.contains}.Expected(installed)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("Expected of %q returned %q, %v", tt.contains, got, err)
		}
	}
	got := Packages([]Probe{{Kind: HTTP, Contains: "{version:shop-web} {version:shop}"}, {Kind: Package, Target: "shop"}, {Kind: Unit, Target: "x.service"}})
	if want := []string{"shop", "shop-web"}; !slices.Equal(got, want) {
		t.Errorf("Packages returned %q, want %q", got, want)
	}
}
