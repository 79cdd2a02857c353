package tasks

import (
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

func TestWorkerSet(t *testing.T) {
	now := time.Now()
	s := workerSet{}
	s.update(capacity{"a", 3, nil}, now)
	s.update(capacity{"b", 6, map[string]int{"ours": 3, "other": 2}}, now.Add(-capacityFor/2))
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{0, 7}, {capacityFor/2 + 1, 3}, {capacityFor + 1, 0}} {
		if got := s.slots("ours", now.Add(tt.after)); got != tt.want {
			t.Errorf("after %v there are %d slots, want %d", tt.after, got, tt.want)
		}
	}
	s.update(capacity{"a", 3, nil}, now)
	s.update(capacity{"a", 0, nil}, now)
	if got := s.slots("ours", now); got != 0 {
		t.Errorf("who has left has %d slots", got)
	}
}

// TestApply: of two workers that have one task the first has the claim, until it is silent.
func TestApply(t *testing.T) {
	p := &pendingTask{progress: make(chan hostjob.Progress, 1), result: make(chan Result, 1)}
	d := &Dispatcher{workers: workerSet{}, pending: map[string]*pendingTask{"x": p}}
	now := time.Now()
	say := func(worker string, after time.Duration, want string) {
		t.Helper()
		if got := d.apply(update{task: "x", worker: worker, progress: &hostjob.Progress{Percent: float64(after)}}, now.Add(after)); got != want {
			t.Errorf("%s is told to %s after %v", worker, got, after)
		}
	}
	say("a", 0, replyGoOn)
	say("b", 1, replyClaimed)
	say("a", 2, replyGoOn)
	say("b", claimFor+1, replyClaimed)
	say("b", claimFor+2, replyGoOn)
	say("a", claimFor+3, replyClaimed)
	if got := <-p.progress; got.Percent != float64(claimFor+2) {
		t.Errorf("the newest progress is %v", got.Percent)
	}
	done := update{task: "x", worker: "a", result: &Result{Verdict: rollout.HostDone}}
	if d.apply(done, now) != replyGoOn || (<-p.result).Verdict != rollout.HostDone {
		t.Error("the result of whoever has it does not count")
	}
	if d.apply(done, now) != replyStop {
		t.Error("a result is taken twice")
	}
}
