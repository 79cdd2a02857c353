package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

func TestLookout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		a := &app{Streams: Streams{Err: &said}}
		l := a.newStallMonitor(a.newProgress(2))
		ctx, interrupt := context.WithCancel(t.Context())
		stop := l.run(ctx)
		l.update("hangs", connecting, "")
		l.update("works", connecting, "")
		for i := range 10 { // 100 s, in which one of them moves
			time.Sleep(10 * time.Second)
			said := ""
			if i > 4 {
				said = "Which database?\x1b[2J"
			}
			l.update("hangs", doing(hostjob.Progress{Phase: "install", Text: "Configuring shop\x1b[2J (all)"}), said)
			l.update("works", time.Now().String(), "")
		}
		interrupt()
		synctest.Wait()
		l.remove("works")
		time.Sleep(100 * time.Second)
		stop()
		want := strings.Join([]string{
			"hangs                    for 30s at: Configuring shop[2J (all)",
			"hangs                    for 1m0s at: Configuring shop[2J (all); it last said: Which database?[2J",
			"interrupted: no further host is begun; waiting for hangs, works; interrupt again to leave them to themselves",
			"hangs                    for 2m0s at: Configuring shop[2J (all); it last said: Which database?[2J",
		}, "\n") + "\n"
		if said.String() != want {
			t.Errorf("it said\n%s, want\n%s", said.String(), want)
		}
	})
}

func TestDoing(t *testing.T) {
	for _, tt := range []struct {
		p    hostjob.Progress
		want string
	}{
		{hostjob.Progress{}, "connecting"},
		{hostjob.Progress{Phase: "refresh"}, "refresh"},
		{hostjob.Progress{Phase: "install", Text: "Configuring shop (all)"}, "Configuring shop (all)"},
		{hostjob.Progress{Phase: "install", Text: "Configuring", Lost: "no answer"}, "waiting: no answer"},
		{hostjob.Progress{Phase: "install", Holder: hostjob.Holder{PID: 7, Program: "apt"}}, "waiting for a lock that process 7 (apt) holds"},
	} {
		if got := doing(tt.p); got != tt.want {
			t.Errorf("doing(%+v) is %q, want %q", tt.p, got, tt.want)
		}
	}
}
