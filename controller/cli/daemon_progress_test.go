package cli

import (
	"fmt"
	"testing"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// TestMotion: who looks on is told of each host that has moved since, how far it is
// by now, and of none that is over.
func TestMotion(t *testing.T) {
	var m hostProgress
	seen := 0
	look := func(want string) {
		t.Helper()
		var lines []progressLine
		lines, seen = m.since(seen)
		if got := fmt.Sprint(lines); got != want {
			t.Errorf("it is told %s, want %s", got, want)
		}
	}
	look("[]")
	m.set("b", hostjob.Progress{Percent: 10.6, Phase: "install", Package: "shop", Text: "Unpacking"})
	m.set("a", hostjob.Progress{Percent: 20})
	m.set("a", hostjob.Progress{Percent: 30, Lost: "silent"})
	look("[{a 30    waiting: silent} {b 10 install shop Unpacking }]")
	look("[]")
	m.set("a", hostjob.Progress{Percent: 40})
	m.set("c", hostjob.Progress{})
	m.remove("a")
	look("[{c 0    }]")
}
