package agent

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// TestBoard goes through results of one probe: since when it is so, and whether
// that is news.
func TestBoard(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }
	b := newBoard()
	probes := []health.Probe{{Kind: health.TCP, Target: "a:1"}}
	for i, tt := range []struct {
		ok     bool
		told   time.Time // since when, by who looked
		now    time.Time
		since  time.Time
		isNews bool
	}{
		{true, time.Time{}, at(0), at(0), true},
		{true, time.Time{}, at(10), at(0), false},
		{false, time.Time{}, at(20), at(20), true},
		{false, at(20.5), at(30), at(20), false}, // the same, worked out anew
		{false, at(25), at(40), at(25), true},    // it came and went
		{true, at(45), at(50), at(45), true},
	} {
		b.put(health.Result{Probe: probes[0].Name(), OK: tt.ok, Since: tt.told}, tt.now)
		select {
		case <-b.news:
			if !tt.isNews {
				t.Errorf("result %d is news", i)
			}
		default:
			if tt.isNews {
				t.Errorf("result %d is no news", i)
			}
		}
		if got := b.of(probes); len(got) != 1 || !got[0].Since.Equal(tt.since) || got[0].OK != tt.ok {
			t.Errorf("after result %d the board has %+v, want since %v", i, got, tt.since)
		}
	}
	b.keep(nil)
	if got := b.of(probes); len(got) != 0 {
		t.Errorf("it keeps %+v", got)
	}
}

// TestLookout has a probe that is looked at each 10 s or so, and at once where
// there is cause, but not without end.
func TestLookout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		l := &lookout{board: newBoard(), every: 10 * time.Second, look: func(_ context.Context, p health.Probe) health.Result {
			looks.Add(1)
			return health.Result{Probe: p.Name(), OK: true}
		}}
		probe := health.Probe{Kind: health.TCP, Target: "a:1"}
		l.start([]health.Probe{probe})
		time.Sleep(100 * time.Second)
		if n := looks.Load(); n < 10 || n > 12 {
			t.Errorf("it looked %d times in 100 s", looks.Load())
		}
		looks.Store(0)
		for range 1000 {
			l.because(func(p health.Probe) bool { return p.Target == "a:1" })
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if n := looks.Load(); n < 2 || n > 3 {
			t.Errorf("it looked %d times in a second with cause", looks.Load())
		}
		looks.Store(0)
		l.because(func(health.Probe) bool { return false })
		l.fresh(t.Context())
		if looks.Load() != 1 {
			t.Errorf("it looked %d times when it was asked to", looks.Load())
		}
		l.halt()
	})
}

// TestFreshEnds holds that who asks does not wait for a probe that hangs.
func TestFreshEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lookout{board: newBoard(), every: time.Hour, look: func(ctx context.Context, p health.Probe) health.Result {
			if p.Target == "hangs:1" {
				<-ctx.Done()
			}
			return health.Result{Probe: p.Name(), OK: true}
		}}
		probes := []health.Probe{{Kind: health.TCP, Target: "hangs:1"}, {Kind: health.TCP, Target: "a:1"}}
		l.start(probes)
		ctx, cancel := context.WithTimeout(t.Context(), answering)
		defer cancel()
		begun := time.Now()
		l.fresh(ctx)
		if took := time.Since(begun); took != answering {
			t.Errorf("it took %v", took)
		}
		if got := l.board.of(probes); len(got) != 1 || got[0].Probe != "tcp a:1" {
			t.Errorf("the board has %+v", got)
		}
		l.halt()
	})
}

func TestBackOff(t *testing.T) {
	for attempt, most := range map[int]time.Duration{1: 2 * time.Second, 3: 8 * time.Second, 6: longest, 1000: longest} {
		longestSeen := time.Duration(0)
		for range 1000 {
			longestSeen = max(longestSeen, backOff(attempt))
		}
		if longestSeen > most+1 || longestSeen < most/2 {
			t.Errorf("after %d attempts it pauses up to %v, want up to %v", attempt, longestSeen, most)
		}
	}
}

func TestWatched(t *testing.T) {
	var w watched
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	w.add([]string{"shop", "old"}, noon)
	w.add([]string{"shop"}, noon.Add(20*time.Minute))
	if got := w.names(noon.Add(20 * time.Minute)); len(got) != 2 {
		t.Errorf("%q are asked for", got)
	}
	if got := w.names(noon.Add(40 * time.Minute)); len(got) != 1 || got[0] != "shop" {
		t.Errorf("after a time %q are asked for", got)
	}
	for i := range 10 * health.MaxWatched {
		w.add([]string{fmt.Sprintf("p%d", i)}, noon.Add(time.Hour+time.Duration(i)))
	}
	if got := w.names(noon.Add(time.Hour)); len(got) != 2*health.MaxWatched {
		t.Errorf("%d are asked for", len(got))
	}
}
