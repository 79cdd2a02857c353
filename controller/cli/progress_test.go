package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

func TestProgressCounts(t *testing.T) {
	a := &app{Streams: Streams{Err: &bytes.Buffer{}}}
	p := a.newProgress(5)
	p.begin("a")
	p.begin("b")
	p.set("b", 70)
	p.set("b", 40) // apt began another phase
	p.begin("c")
	p.finish("a", true)
	p.finish("c", false)
	p.finish("d", false) // failed before it began
	p.set("a", 90)       // comes late
	if want := "1 done, 2 failed, 1 running, 1 waiting"; p.String() != want {
		t.Errorf("%q, want %q", p, want)
	}
	if p.percent["b"] != 70 {
		t.Errorf("b is at %d %%, want 70", p.percent["b"])
	}
	p.end()
}

// TestProgressAfterFetching: the bar, which is full once all have their packages, is
// there for the batches too.
func TestProgressAfterFetching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := (&app{Streams: Streams{Err: &b}}).newProgress(2)
		p.bar = newBar(&b, 2)
		p.fetch()
		for _, host := range []inventory.HostName{"a", "b"} {
			p.set(host, 50)
			p.finish(host, true)
		}
		p.batches()
		p.begin("a")
		time.Sleep(time.Second) // or it would be too soon to be drawn
		p.set("a", 80)
		if want := "0 done, 0 failed, 1 running, 1 waiting  40% |"; !strings.Contains(b.String(), want) {
			t.Errorf("%q, want %q in it", b.String(), want)
		}
	})
}

func TestEventText(t *testing.T) {
	for _, tt := range []struct {
		name string
		line eventLine
		want string
	}{
		{"upgraded", eventLine{Event: "result", Host: "web1", Verdict: "done", Before: map[string]string{"app": "1.0"}, After: map[string]string{"app": "1.1", "lib": "2"}},
			"web1                     done         app 1.0 -> 1.1, lib 2 (new)\n"},
		{"stopped", eventLine{Event: "stopped", Cause: "2 of 20 hosts failed, and 1 may"}, "stopped: 2 of 20 hosts failed, and 1 may\n"},
		{"nothing to do", eventLine{Event: "result", Host: "web1", Verdict: "done", Before: map[string]string{"app": "1"}, After: map[string]string{"app": "1"}},
			"web1                     done         nothing to change\n"},
		{"removed", eventLine{Event: "result", Host: "web1", Verdict: "done", Before: map[string]string{"app": "1"}},
			"web1                     done         app 1 (removed)\n"},
		{"many", eventLine{Event: "result", Host: "web1", Verdict: "done", After: map[string]string{"a": "1", "b": "1", "c": "1", "d": "1", "e": "1", "f": "1"}},
			"web1                     done         a 1 (new), b 1 (new), c 1 (new), d 1 (new), and 2 more\n"},
		{"failed, with a host that plays tricks", eventLine{Event: "result", Host: "web1", Verdict: "failed", Cause: "no\x1b[2Jspace"},
			"web1                     FAILED       no[2Jspace\n"},
		{"with a note", eventLine{Event: "result", Host: "web1", Verdict: "done", Notes: []string{"dpkg was interrupted: repaired"}},
			"web1                     done         nothing to change\n                                      dpkg was interrupted: repaired\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if tt.line.text(&b); b.String() != tt.want {
				t.Errorf("%q, want %q", b.String(), tt.want)
			}
		})
	}
}
