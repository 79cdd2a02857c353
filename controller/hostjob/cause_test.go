package hostjob

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestFindCause reads logs that jobs on real hosts left, of Debian 12 (apt 2.6)
// and 13 (apt 3.0), and holds the causes against the golden file beside each.
func TestFindCause(t *testing.T) {
	logs, err := filepath.Glob("testdata/cause/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatalf("no logs: %v", err)
	}
	for _, name := range logs {
		log, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c := findCause(log, nil)
		got := fmt.Appendf(nil, "%s\npackage: %s\n%s\n", c.Text, c.Package, strings.Join(c.Output, "\n"))
		golden := strings.TrimSuffix(name, ".log") + ".golden"
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want, err := os.ReadFile(golden); err != nil || string(want) != string(got) {
			t.Errorf("%s: the cause is\n%s\nwant (%v)\n%s", name, got, err, want)
		}
	}
}

// TestCausesAgree holds that Debian 12 and 13 give the same cause in other words.
func TestCausesAgree(t *testing.T) {
	old, err := filepath.Glob("testdata/cause/*.apt-2.6.log")
	if err != nil || len(old) == 0 {
		t.Fatalf("no logs: %v", err)
	}
	for _, name := range old {
		var causes [2]Cause
		for i, apt := range []string{"apt-2.6", "apt-3.0"} {
			log, err := os.ReadFile(strings.Replace(name, "apt-2.6", apt, 1))
			if err != nil {
				t.Fatal(err)
			}
			causes[i] = findCause(log, nil)
		}
		if causes[0].Package != causes[1].Package || causes[0].Text == "" || causes[1].Text == "" {
			t.Errorf("%s: apt 2.6 gives %+v, apt 3.0 %+v", name, causes[0], causes[1])
		}
	}
}
