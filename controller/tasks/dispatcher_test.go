package tasks

import (
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

func TestCrowd(t *testing.T) {
	now := time.Now()
	c := crowd{}
	c.see(presence{"a", 3, nil}, now)
	c.see(presence{"b", 6, map[string]int{"ours": 3, "other": 2}}, now.Add(-presenceFor/2))
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{0, 7}, {presenceFor/2 + 1, 3}, {presenceFor + 1, 0}} {
		if got := c.slots("ours", now.Add(tt.after)); got != tt.want {
			t.Errorf("after %v there are %d hands, want %d", tt.after, got, tt.want)
		}
	}
	c.see(presence{"a", 3, nil}, now)
	c.see(presence{"a", 0, nil}, now)
	if got := c.slots("ours", now); got != 0 {
		t.Errorf("who has left has %d hands", got)
	}
}

// TestNote: of two workers that have one task the first is heard, until it is silent.
func TestNote(t *testing.T) {
	h := &handed{heard: make(chan hostjob.Progress, 1), answer: make(chan Answer, 1)}
	d := &Desk{crowd: crowd{}, out: map[string]*handed{"x": h}}
	now := time.Now()
	say := func(worker string, after time.Duration, want string) {
		t.Helper()
		if got := d.note(word{task: "x", worker: worker, progress: &hostjob.Progress{Percent: float64(after)}}, now.Add(after)); got != want {
			t.Errorf("%s is told to %s after %v", worker, got, after)
		}
	}
	say("a", 0, goOn)
	say("b", 1, taken)
	say("a", 2, goOn)
	say("b", holdsFor+1, taken)
	say("b", holdsFor+2, goOn)
	say("a", holdsFor+3, taken)
	if p := <-h.heard; p.Percent != float64(holdsFor+2) {
		t.Errorf("the newest progress is %v", p.Percent)
	}
	done := word{task: "x", worker: "a", answer: &Answer{Verdict: rollout.HostDone}}
	if d.note(done, now) != goOn || (<-h.answer).Verdict != rollout.HostDone {
		t.Error("the answer of whoever has it does not count")
	}
	if d.note(done, now) != letGo {
		t.Error("an answer is taken twice")
	}
}
