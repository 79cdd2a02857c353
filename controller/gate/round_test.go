package gate

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/pkg/debian"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// TestRoundIsShell holds the scripts against Debian's shell, and against
// shellcheck where that is installed.
func TestRoundIsShell(t *testing.T) {
	for name, text := range map[string]string{
		"round": roundScript, "boot": bootScript, "audit": auditScript, "packages": packagesScript, "disk": diskScript, "unit": unitScript,
	} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("sh", "-n", file).CombinedOutput(); err != nil {
			t.Errorf("sh refuses %s: %v\n%s", name, err, out)
		}
		if _, err := exec.LookPath("shellcheck"); err != nil {
			continue
		}
		// SC2016 is about a dollar sign in the format of dpkg-query.
		if out, err := exec.Command("shellcheck", "--shell=sh", "--severity=warning", "--exclude=SC2016", file).CombinedOutput(); err != nil {
			t.Errorf("shellcheck refuses %s:\n%s", name, out)
		}
	}
}

// TestRound runs tasks for real, those that hang included.
func TestRound(t *testing.T) {
	sh := func(text string) command { return command{time.Second, briefly, []string{"sh", "-c", text}} }
	first := []command{sh("echo first; exit 3"), {time.Second, 10, []string{"printf", `%s\n`, "a very long line"}}}
	rest := []command{
		sh("echo begun; sleep 60"), sh("printf '\\000\\n\\n'"), {time.Second, briefly, []string{"printf", "%s", "two words", "a'b", "$x", ""}},
		{time.Second, briefly, []string{"/no/such/program"}}, sh("setsid sleep 4 & exit 0"), sh("yes"), sh("kill -9 $$"),
	}
	command := script(first, rest)
	out, err := exec.Command(command[0], command[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseRound(string(out), len(first)+len(rest))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(got[5].output, "No such file or directory\n") || !strings.HasSuffix(got[7].output, "y\ny\n") {
		t.Errorf("outcomes are %+v", got)
	}
	got[5].output, got[7].output, got[8].output = "", "", "" // of the last, shells say in their own words that it was killed
	want := []outcome{
		{"first\n", 3}, {"long line\n", 0}, {"begun\n", 124}, {"\x00\n\n", 0}, {"two wordsa'b$x", 0}, {"", 127}, {"", 0}, {"", 124}, {"", 137},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" {
		t.Error(diff)
	}
}

func TestParseRoundRefuses(t *testing.T) {
	for _, out := range []string{
		"", "end\n", "0 0 0a\n", "0 0 0a\n1 0 0a\nend", "0 0 0a\n0 0 0a\nend\n", "0 0 0a\n2 0 0a\nend\n", "-1 0 0a\n1 0 0a\nend\n", "0 0 0a3\n1 0 0a\nend\n",
		"0 0 0a\n1 0a\nend\n", "0 0 0a\n1 999 0a\nend\n", "hello\n0 0 0a\n1 0 0a\nend\n", "0 0 0a\n1 0 0a\nend\nmore\n", "0 0 0a\n1 0 0a 0a\nend\n",
	} {
		if got, err := parseRound(out, 2); err == nil || !strings.HasPrefix(err.Error(), "cannot read the host's answer") {
			t.Errorf("%q was read as %+v, %v", out, got, err)
		}
	}
}

func FuzzParseRound(f *testing.F) {
	f.Add("0 0 0a30\n1 3 \nend\n", "a|all|ii |1\n", "LoadState=loaded\nActiveState=active\nActiveEnterTimestampMonotonic=1\n")
	f.Add("1 124 ff0a30\n0 0 \nend\n", "|||\n", "Avail\n123\n")
	f.Add("", "a|all|ii |1\x1b[2J\n", "\x1b[2J")
	f.Fuzz(func(t *testing.T, round, packages, said string) {
		if got, err := parseRound(round, 2); err == nil && len(got) != 2 {
			t.Errorf("%q was read as %+v", round, got)
		}
		got, err := parsePackages(packages, []string{"a"})
		if version, there := got["a"]; err == nil && (len(got) > 1 || there && debian.ValidateVersion(version) != nil) {
			t.Errorf("%q was read as %q", packages, got)
		}
		for _, p := range everyKind {
			r := resultOf(p, outcome{said, 0}, moment{at: time.Now(), uptime: time.Hour})
			if r.Probe != p.Name() || health.Text(r.Output) != r.Output || r.Since.After(time.Now()) {
				t.Errorf("%q was judged as %+v", said, r)
			}
		}
	})
}

var everyKind = []health.Probe{{Kind: health.Unit, Target: "a.service"}, {Kind: health.Disk, Target: "/", MinFree: 1 << 30}, health.NewCommand("true"),
	health.NewMemory(200 << 20), health.NewClock(2 * time.Second)}

func TestResultOf(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	unit, disk, command, memory, clock := everyKind[0], everyKind[1], everyKind[2], everyKind[3], everyKind[4]
	show := func(load, active, sub, more string) outcome {
		return outcome{fmt.Sprintf("LoadState=%s\nActiveState=%s\nSubState=%s\nStateChangeTimestampMonotonic=3540000000\nActiveEnterTimestampMonotonic=3000000000\n%s", load, active, sub, more), 0}
	}
	for _, tt := range []struct {
		probe health.Probe
		outcome
		ok    bool
		since time.Duration // before the look; 0 is not known
		want  string
	}{
		{unit, show("loaded", "active", "running", "Result=success\nNRestarts=0\n"), true, 10 * time.Minute, "is active (running)"},
		{unit, show("loaded", "active", "running", "NRestarts=2\n"), true, 10 * time.Minute, "is active (running), restarted 2 times"},
		{unit, show("loaded", "reloading", "reload", ""), true, 10 * time.Minute, "is reloading (reload)"},
		{unit, show("loaded", "failed", "failed", "Result=exit-code\nExecMainStatus=3\nSaid=no database\n"), false, time.Minute, "is failed (failed), result exit-code, exit status 3\nno database"},
		{unit, show("not-found", "inactive", "dead", ""), false, time.Minute, "is not-found"},
		{unit, show("masked", "active", "running", ""), false, time.Minute, "is masked"},
		{unit, outcome{"Failed to connect to bus\n", 1}, false, 0, "Failed to connect to bus"},
		{unit, outcome{"nonsense\n", 0}, false, 0, "nonsense"},
		{unit, outcome{"", 124}, false, 0, "did not end within 5s"},
		{disk, outcome{"     Avail\n1073741824\n", 0}, true, 0, "1024 MiB are free, and must be 1024 MiB"},
		{disk, outcome{"     Avail\n1073741823\n", 0}, false, 0, "1023 MiB are free, and must be 1024 MiB"},
		{disk, outcome{"     Avail\n-\n", 0}, false, 0, "Avail\n-"},
		{disk, outcome{"df: /x: No such file or directory\n", 1}, false, 0, "df: /x: No such file or directory"},
		{command, outcome{"fine\n", 0}, true, 0, "fine"},
		{command, outcome{"bad \x1b\n", 2}, false, 0, `exited with 2` + "\n" + `bad \x1b`},
		{memory, outcome{"MemAvailable:     204800 kB\n", 0}, true, 0, "200 MiB are free, and must be 200 MiB"},
		{memory, outcome{"MemAvailable:     204799 kB\n", 0}, false, 0, "199 MiB are free, and must be 200 MiB"},
		{memory, outcome{"MemAvailable: much kB\n", 0}, false, 0, "MemAvailable: much kB"},
		{memory, outcome{"", 1}, false, 0, ""},
		{clock, outcome{fmt.Sprintf("%d 500000000\n", at.Unix()+2), 0}, false, 0, "is 2.5s ahead, and may be 2s"},
		{clock, outcome{fmt.Sprintf("%d 000000000\n", at.Unix()-30), 0}, true, 0, "is 0s ahead, and may be 2s"},
		{clock, outcome{fmt.Sprintf("%d 000000001\n", at.Unix()-3660), 0}, false, 0, "is 1h0m0s behind, and may be 2s"},
		{clock, outcome{"soon\n", 0}, false, 0, "soon"},
		{command, outcome{"so far\n", 124}, false, 0, "did not end within 5s\nso far"},
	} {
		want := health.Result{Probe: tt.probe.Name(), OK: tt.ok, Output: tt.want}
		if strings.HasPrefix(tt.want, "is ") && tt.probe.Kind == health.Clock {
			want.MaxSkew = tt.probe.MaxSkew
		}
		if tt.since != 0 {
			want.Since = at.Add(-tt.since)
		}
		if diff := cmp.Diff(want, resultOf(tt.probe, tt.outcome, moment{at: at, uptime: time.Hour, begun: at.Add(-time.Minute)})); diff != "" {
			t.Errorf("%q:\n%s", tt.output, diff)
		}
	}
}

func TestReadFront(t *testing.T) {
	boot := outcome{"c0ffee\n3600.50 7000.00\n", 0}
	lines := outcome{"shop|all|ii |1:2-1\nlibc6|amd64|hi |2.36\nlibc6|i386|rc |2.30\nhalf|all|iF |1\nold|all|rc |1\nodd|all|iiR|1\n", 0}
	wanted := []string{"shop", "libc6", "libc6:i386", "libc6:amd64", "half", "old", "odd", "none"}
	var r health.Report
	m, err := readFront(&r, []outcome{boot, {"half is half\n", 0}, lines}, wanted)
	want := health.Report{Boot: "c0ffee", Audit: "half is half", Packages: map[string]string{"shop": "1:2-1", "libc6": "2.36", "libc6:amd64": "2.36"}}
	if diff := cmp.Diff(want, r); diff != "" || err != nil || m.uptime != 3600500*time.Millisecond {
		t.Errorf("readFront returned %+v, %v\n%s", m, err, diff)
	}
	for _, found := range [][]outcome{
		{{"", 0}, {}}, {{"c0ffee\n", 0}, {}}, {{"c0ffee\nsoon\n", 0}, {}}, {{"", 1}, {}}, {boot, {"no dpkg here\n", 127}}, {boot, {"half\n", 1}}, {boot, {"", 2}}, {boot, {}, {"", 2}},
		{boot, {}, {"shop|all|ii\n", 0}}, {boot, {}, {"shop|all|ii |1|2\n", 0}},
	} {
		if _, err := readFront(&r, found, wanted); err == nil || !strings.HasPrefix(err.Error(), "cannot read") {
			t.Errorf("%+v was read, %v", found, err)
		}
	}
}
