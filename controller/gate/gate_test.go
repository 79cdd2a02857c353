package gate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// reporter plays a host: what it reports at a time after the gate began.
type reporter func(ctx context.Context, after time.Duration, r *health.Report) error

func (f reporter) Follow(inventory.Host, []string) Reports { return &play{f, time.Now()} }

type play struct {
	reporter reporter
	begun    time.Time
}

func (p *play) Close() error { return nil }

func (p *play) Changed() <-chan struct{} { return nil }

// Report is that of a host that is healthy, changed by the player.
func (p *play) Report(ctx context.Context) (health.Report, error) {
	r := health.Report{
		Boot: "first", At: time.Now(), Received: time.Now(), Packages: map[string]string{"shop": "2"},
		Results: []health.Result{{Probe: "unit shop.service", OK: true, Output: "is active"}, {Probe: "tcp a:1", OK: true}},
	}
	err := p.reporter(ctx, time.Since(p.begun), &r)
	return r, err
}

var (
	probes    = []health.Probe{{Kind: health.Unit, Target: "shop.service"}, {Kind: health.TCP, Target: "a:1"}}
	installed = rollout.HostState{
		Before: rollout.Versions{"shop": "1", "old": "1"}, After: rollout.Versions{"shop": "2"},
	}
)

func unit(r *health.Report, ok bool) {
	r.Results[0].OK = ok
	if !ok {
		r.Results[0].Output = "is failed\nno database"
	}
}

// TestWait has looks every 2 s, a settle of 30 s and a deadline of 5 min.
func TestWait(t *testing.T) {
	hopeless := 4*time.Minute + 30*time.Second
	for _, tt := range []struct {
		name string
		play reporter
		took time.Duration
		err  error
		text string // in the error
	}{
		{name: "well", took: 30 * time.Second, play: func(_ context.Context, _ time.Duration, r *health.Report) error { return nil }},
		{name: "well after a while", took: 50 * time.Second, play: func(_ context.Context, after time.Duration, r *health.Report) error {
			unit(r, after >= 20*time.Second)
			return nil
		}},
		{name: "never well", took: hopeless + 2*time.Second, err: ErrUnhealthy,
			text: "cannot pass the gate: the host is not healthy: unit shop.service, since 2000-01-01T00:00:00Z (4m32s): is failed / no database",
			play: func(_ context.Context, _ time.Duration, r *health.Report) error { unit(r, false); return nil }},
		{name: "alive, but the old version", took: hopeless + 2*time.Second, err: ErrUnhealthy, text: "package shop, since 2000-01-01T00:00:00Z (4m32s): 1 is installed, want 2",
			play: func(_ context.Context, _ time.Duration, r *health.Report) error { r.Packages["shop"] = "1"; return nil }},
		{name: "what was to go is still there", took: hopeless + 2*time.Second, err: ErrUnhealthy, text: "package old, since 2000-01-01T00:00:00Z (4m32s): 1 is installed, want none",
			play: func(_ context.Context, _ time.Duration, r *health.Report) error { r.Packages["old"] = "1"; return nil }},
		{name: "dpkg is not done", took: hopeless + 2*time.Second, err: ErrUnhealthy, text: "dpkg, since 2000-01-01T00:00:00Z (4m32s): is not done: half configured",
			play: func(_ context.Context, _ time.Duration, r *health.Report) error {
				r.Audit = "half configured"
				return nil
			}},
		{name: "a probe is not reported", took: hopeless + 2*time.Second, err: ErrUnhealthy, text: "tcp a:1, since 2000-01-01T00:00:00Z (4m32s): nothing is reported",
			play: func(_ context.Context, _ time.Duration, r *health.Report) error {
				r.Results = r.Results[:1]
				return nil
			}},
		{name: "fails once in the middle", took: 52 * time.Second, play: func(_ context.Context, after time.Duration, r *health.Report) error {
			unit(r, after != 20*time.Second)
			return nil
		}},
		{name: "flaps", took: 4*time.Minute + 40*time.Second, err: ErrUnhealthy, text: "unit shop.service, since 2000-01-01T00:04:40Z (0s): is failed",
			play: func(_ context.Context, after time.Duration, r *health.Report) error {
				unit(r, after%(20*time.Second) != 0)
				return nil
			}},
		{name: "well too late", took: hopeless + 12*time.Second, err: ErrUnhealthy, text: "tcp a:1, since 2000-01-01T00:04:42Z (0s): gone",
			play: func(_ context.Context, after time.Duration, r *health.Report) error {
				unit(r, after >= 4*time.Minute+20*time.Second)
				if after == 4*time.Minute+42*time.Second {
					r.Results[1] = health.Result{Probe: "tcp a:1", Output: "gone"}
				}
				return nil
			}},
		{name: "restarted between two looks", took: 41 * time.Second, play: func(_ context.Context, after time.Duration, r *health.Report) error {
			r.At = r.At.AddDate(-1, 0, 0) // the host's clock is wrong
			r.Results[0].Since = r.At.Add(11*time.Second - after)
			return nil
		}},
		{name: "rebooted", took: 52 * time.Second, play: func(_ context.Context, after time.Duration, r *health.Report) error {
			if after >= 21*time.Second {
				r.Boot = "second"
			}
			return nil
		}},
		{name: "an earlier boot", took: hopeless + 2*time.Second, err: ErrNoReport, text: "report, since 2000-01-01T00:00:04Z (4m28s): the last one is of an earlier boot",
			play: func(_ context.Context, after time.Duration, r *health.Report) error {
				if after == 2*time.Second {
					r.Boot = "second"
				}
				return nil
			}},
		{name: "stale", took: hopeless + 2*time.Second, err: ErrNoReport, text: "report, since 2000-01-01T00:00:42Z (3m50s): the last one is 4m22s old",
			play: func(_ context.Context, after time.Duration, r *health.Report) error {
				r.Received = r.Received.Add(-max(0, after-10*time.Second))
				return nil
			}},
		{name: "from before", took: hopeless + 2*time.Second, err: ErrNoReport, text: "from before the installation ended",
			play: func(_ context.Context, _ time.Duration, r *health.Report) error {
				r.Received = r.Received.Add(-time.Hour)
				return nil
			}},
		{name: "the same report again and again", took: 36 * time.Second, play: func(_ context.Context, after time.Duration, r *health.Report) error {
			r.Received = r.Received.Add(-after % (12 * time.Second))
			return nil
		}},
		{name: "unreachable", took: hopeless + 2*time.Second, err: ErrNoReport, text: "report, since 2000-01-01T00:00:00Z (4m32s): web1: no route",
			play: func(context.Context, time.Duration, *health.Report) error { return errors.New("web1: no route") }},
		{name: "never answers", took: 5 * time.Minute, err: ErrNoReport, text: "report, since 2000-01-01T00:05:00Z (0s): context deadline exceeded",
			play: func(ctx context.Context, _ time.Duration, _ *health.Report) error { <-ctx.Done(); return ctx.Err() }},
		{name: "away in the middle", took: 52 * time.Second, play: func(_ context.Context, after time.Duration, r *health.Report) error {
			if after == 20*time.Second {
				return errors.New("connection lost")
			}
			return nil
		}},
		{name: "a report that hangs", took: 5 * time.Minute, err: ErrUnhealthy, text: "unit shop.service",
			play: func(ctx context.Context, after time.Duration, r *health.Report) error {
				unit(r, false)
				if after > 0 {
					<-ctx.Done()
				}
				return ctx.Err()
			}},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				start := time.Now()
				err := (&Gate{Reporter: tt.play, Settle: 30 * time.Second}).Wait(ctx, inventory.Host{Name: "web1", Health: probes}, installed)
				if took := time.Since(start); took != tt.took || !errors.Is(err, tt.err) {
					t.Errorf("Wait took %v and returned %v, want %v and %v", took, err, tt.took, tt.err)
				}
				if tt.err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("Wait returned %v, want %s", err, tt.text)
				}
			})
		})
	}
}

// TestWaitIsCancelled: whoever gives up waiting learns nothing of the host.
func TestWaitIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aborted := errors.New("aborted by ada")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(aborted) })
		ill := reporter(func(_ context.Context, _ time.Duration, r *health.Report) error { unit(r, false); return nil })
		err := (&Gate{Reporter: ill, Settle: time.Second}).Wait(ctx, inventory.Host{Health: probes}, installed)
		if !errors.Is(err, aborted) || errors.Is(err, ErrUnhealthy) {
			t.Errorf("Wait returned %v", err)
		}
	})
}

// TestWaitOverTime: being well is told too where the time was too short for it.
func TestWaitOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		late := reporter(func(_ context.Context, after time.Duration, r *health.Report) error {
			unit(r, after >= 10*time.Second)
			r.Results[0].Since = r.At.Add(10400*time.Millisecond - after)
			return nil
		})
		err := (&Gate{Reporter: late, Settle: 30 * time.Second}).Wait(ctx, inventory.Host{Health: probes}, installed)
		const want = "cannot pass the gate: the host is not healthy: it is healthy since 2000-01-01T00:00:10Z only, and must be for 30s; before that: unit shop.service, since 2000-01-01T00:00:00Z (10s): is failed / no database"
		if !errors.Is(err, ErrUnhealthy) || err.Error() != want {
			t.Errorf("Wait returned\n%v, want\n%s", err, want)
		}
	})
}
