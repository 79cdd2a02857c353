package hostjob

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// describe writes a plan as the golden files have it.
func describe(p Plan, err error) string {
	var b strings.Builder
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "%+v\n", c)
	}
	p.Changes = nil
	fmt.Fprintf(&b, "%+v\nerror: %v\n", p, err)
	return b.String()
}

// TestParsePlan reads what the plan's script printed on real hosts of Debian 12
// (apt 2.6) and 13 (apt 3.0), and holds it against the golden file beside each.
func TestParsePlan(t *testing.T) {
	reports, err := filepath.Glob("testdata/plan/*.report")
	if err != nil || len(reports) == 0 {
		t.Fatalf("no reports: %v", err)
	}
	for _, name := range reports {
		report, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got := describe(parsePlan(Spec{Mode: Install, Packages: []Target{{Name: "app"}}}, report))
		golden := strings.TrimSuffix(name, ".report") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want, err := os.ReadFile(golden); err != nil || string(want) != got {
			t.Errorf("%s: the plan is\n%s\nwant (%v)\n%s", name, got, err, want)
		}
	}
}

// TestParseSimulated has the forms that apt's simulation may take, and some that
// must be refused with the line shown.
func TestParseSimulated(t *testing.T) {
	for _, tt := range []struct {
		line string
		want Change
		err  string
	}{
		{line: "Inst app (2.0 [all])", want: Change{Name: "app", Architecture: "all", New: "2.0"}},
		{line: "Inst app [1.0] (2.0 Label:stable [amd64])", want: Change{Name: "app", Architecture: "amd64", Old: "1.0", New: "2.0"}},
		{line: "Inst app [1.0] (1:2.0-1 A (x) [y]:s, B:12.1/t, local-deb [all])", want: Change{Name: "app", Architecture: "all", Old: "1.0", New: "1:2.0-1"}},
		{line: "Inst libc6:i386 [2.36-9] (2.37-1 Debian:13 [i386]) [gcc:i386 on libc6:i386] [perl-base ]", want: Change{Name: "libc6:i386", Architecture: "i386", Old: "2.36-9", New: "2.37-1"}},
		{line: "Inst app (2.0 Label:stable [all]) []", want: Change{Name: "app", Architecture: "all", New: "2.0"}},
		{line: "Remv tool [1.0]", want: Change{Name: "tool", Old: "1.0"}},
		{line: "Remv tool [1.0] [app:amd64 ]", want: Change{Name: "tool", Old: "1.0"}},
		{line: "Purg tool [1.0]", want: Change{Name: "tool", Old: "1.0"}},
		{line: "Conf app (2.0 Label:stable [all])"},
		{line: "Conf app broken"},
		{line: "", err: `the line ""`},
		{line: "Get more security updates through Ubuntu Pro", err: "Ubuntu Pro"},
		{line: "Inst app", err: "neither"},
		{line: "Inst app 2.0", err: "neither"},
		{line: "Inst app (2.0)", err: "neither"},
		{line: "Inst App (2.0 [all])", err: "App"},
		{line: "Inst app (2_0 [all])", err: "2_0"},
		{line: "Inst -o (2.0 [all])", err: "-o"},
	} {
		got, err := parseSimulated([]string{tt.line})
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: parseSimulated returned %v, want %q", tt.line, err, tt.err)
		}
		if len(got) > 0 && got[0] != tt.want || len(got) == 0 && tt.want != (Change{}) {
			t.Errorf("%q: parseSimulated returned %+v, want %+v", tt.line, got, tt.want)
		}
	}
}

func TestParsePlanRefuses(t *testing.T) {
	for _, tt := range []struct{ report, err string }{
		{"", "begins with"},
		{"sh: not found\n", "begins with"},
		{"x aptfleet-plan 0\nend\n", "begins with"},
		{"aptfleet-plan failed cannot write to /var: full\n", "cannot write to /var"},
		{"aptfleet-plan 0\nsources ours\n", "no end"},
		{"aptfleet-plan x\nend\n", "invalid syntax"},
		{"aptfleet-plan 0\nsimulated What is this\nend\n", "What is this"},
		{"aptfleet-plan 0\ntouched app|ii |1.0\nend\n", "want name"},
		{"aptfleet-plan 0\noffer Package: app\noffer Shade: red\nend\n", "Shade"},
		{"aptfleet-plan 0\ndisk system\nend\n", "free space"},
		{"aptfleet-plan 0\nwhat\nend\n", "unknown key"},
	} {
		if p, err := parsePlan(Spec{}, []byte(tt.report)); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: parsePlan returned %+v and %v, want %q", tt.report, p, err, tt.err)
		}
	}
}

// FuzzParsePlan holds that a host's answer is refused or makes a plan whose
// changes can be asked for.
func FuzzParsePlan(f *testing.F) {
	reports, _ := filepath.Glob("testdata/plan/*.report")
	for _, name := range reports {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, report []byte) {
		p, err := parsePlan(Spec{Mode: DistUpgrade}, report)
		for _, c := range p.Changes {
			if invalid := c.validate(); invalid != nil || c.Old == "" && c.New == "" {
				t.Errorf("%+v was planned: %v, %v", c, invalid, err)
			}
		}
	})
}
