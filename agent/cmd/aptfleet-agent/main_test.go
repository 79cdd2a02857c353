package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

func TestCommand(t *testing.T) {
	etc, home := t.TempDir(), t.TempDir()
	probes, err := health.EncodeProbes([]health.Probe{health.NewCommand("true")})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(etc, "probes.json"), probes, 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := command(t.Context(), append(args, "--etc", etc, "--home", home), &out)
		return out.String(), err
	}
	first, err := do("identity")
	if again, errAgain := do("identity"); err != nil || errAgain != nil || again != first || first[0] != 'U' {
		t.Errorf("identity printed %q and %q: %v, %v", first, again, err, errAgain)
	}
	out, err := do("report", "--package", "dpkg,none", "--package", "libc6")
	r, errDecode := health.Decode([]byte(out), time.Now())
	if err != nil || errDecode != nil || len(r.Results) != 1 || !r.Results[0].OK || r.Packages["dpkg"] == "" || len(r.Packages) > 2 {
		t.Errorf("report printed %s: %v, %v", out, err, errDecode)
	}
	if out, err := do("version"); out != "0\n" || err != nil {
		t.Errorf("version printed %q, %v", out, err)
	}
	if _, err := do("run"); err == nil || !strings.Contains(err.Error(), "cannot begin: cannot read "+etc+"/agent.toml") {
		t.Errorf("run of a host that was never enrolled returned %v", err)
	}
	for _, args := range [][]string{{"dance"}, {"run", "fast"}, {"run", "--upgrades"}, {"report", "--package"}} {
		if err := command(t.Context(), args, &bytes.Buffer{}); !errors.Is(err, errUsage) {
			t.Errorf("%q returned %v", args, err)
		}
	}
	if err := command(t.Context(), nil, &bytes.Buffer{}); !errors.Is(err, errUsage) {
		t.Errorf("no command returned %v", err)
	}
	if _, err := do("--help"); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help returned %v", err)
	}
}
