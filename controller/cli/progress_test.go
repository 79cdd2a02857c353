package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

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

// TestBarFits: there is a bar only on a terminal that can redraw a line, and that
// has room for it; else each redrawing would be a line of its own.
func TestBarFits(t *testing.T) {
	for _, tt := range []struct {
		term    string
		columns uint16
		want    bool
	}{
		{"xterm", 80, true}, {"xterm", 200, true}, {"xterm", 60, false}, {"xterm", 30, false}, {"dumb", 80, false}, {"", 80, false},
		{"xterm", 0, true}, // a serial line, whose width nobody knows
	} {
		t.Setenv("TERM", tt.term)
		p := (&app{Streams: Streams{Err: openTerminal(t, tt.columns)}}).newProgress(10_000)
		if got := p.bar != nil; got != tt.want {
			t.Errorf("TERM=%s with %d columns: a bar is %t, want %t", tt.term, tt.columns, got, tt.want)
		}
	}
}

// openTerminal returns a terminal that is so wide (pts(4)).
func openTerminal(t *testing.T, columns uint16) *os.File {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { ptmx.Close() })
	fd := int(ptmx.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0), unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	tty, openErr := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err := errors.Join(err, openErr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return tty
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
