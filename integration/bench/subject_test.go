package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	all, err := choose(nil)
	if err != nil || len(all) != len(subjects)-1 {
		t.Errorf("no name chose %d of %d subjects, error %v", len(all), len(subjects), err)
	}
	if hour, err := choose([]string{"agenthour"}); err != nil || len(hour) != 1 {
		t.Errorf("an hour's subject that was named: chose %v, error %v", hour, err)
	}
	for _, s := range all {
		if s.name == "agenthour" {
			t.Error("an hour was chosen without being named")
		}
	}
	one, err := choose([]string{"floor", "floor"})
	if err != nil || len(one) != 2 || one[1].name != "floor" {
		t.Errorf("chose %v, error %v", one, err)
	}
	if _, err := choose([]string{"floor", "ceiling"}); err == nil || !strings.Contains(err.Error(), `no subject "ceiling": there are ["floor"`) {
		t.Errorf("an unknown subject: error %v", err)
	}
}

// A subject's own file says what it measures, so every subject has one.
func TestSubjectsHaveFiles(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range subjects {
		if _, err := os.Stat(s.name + ".go"); err != nil || seen[s.name] {
			t.Errorf("subject %s: file error %v, named twice %v", s.name, err, seen[s.name])
		}
		seen[s.name] = true
	}
}

// dash is what runs the script on Debian.
func TestPeersScriptParses(t *testing.T) {
	if out, err := exec.Command("sh", "-n", "peers.sh").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
