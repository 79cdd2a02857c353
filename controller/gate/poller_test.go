package gate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// polled is a host that is looked at; it plays by the number of the look.
type polled struct {
	play  func(look int, r *health.Report) error
	looks atomic.Int32
	open  atomic.Int32
}

func (p *polled) Follow(_ inventory.Host, packages []string) Reports {
	p.open.Add(1)
	return &glance{p, packages}
}

type glance struct {
	*polled
	packages []string
}

func (g *glance) Close() error { g.open.Add(-1); return nil }

func (g *glance) Changed() <-chan struct{} { return nil }

// Report speaks of the packages that it was asked for, as a Prober's does.
func (g *glance) Report(ctx context.Context) (health.Report, error) {
	r := ofNow(isWell)
	if !slices.Contains(g.packages, "shop") {
		r.Packages = nil
	}
	return r, errors.Join(g.play(int(g.looks.Add(1)), &r), ctx.Err())
}

func TestPoller(t *testing.T) {
	ill := func(looks ...int) func(int, *health.Report) error {
		return func(look int, r *health.Report) error { unit(r, !slices.Contains(looks, look)); return nil }
	}
	for _, tt := range []struct {
		name     string
		play     func(look int, r *health.Report) error
		relapsed int // at which look; 0 is none
	}{
		{"well", ill(), 0},
		{"ill", ill(3, 4), 4},
		{"ill for a moment", ill(3), 0},
		{"out of reach", func(int, *health.Report) error { return errors.New("no route") }, 0},
		{"ill, and of another version", func(look int, r *health.Report) error {
			unit(r, false)
			if r.Packages != nil {
				r.Packages["shop"] = "1"
			}
			return nil
		}, 0},
		{"ill since it was booted", func(look int, r *health.Report) error {
			if look > 2 {
				r.Boot = "second"
				unit(r, false)
			}
			return nil
		}, 9},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &polled{play: tt.play}
				relapsed := 0
				poller := &Poller{Reporter: p, Deadline: 5 * time.Minute}
				end := poller.Begin(inventory.Host{Name: "web1", Health: probes}, passed(), func(why error) {
					if relapsed == 0 {
						relapsed = int(p.looks.Load())
					}
					if !errors.Is(why, ErrRelapsed) || !strings.Contains(why.Error(), "unit shop.service") {
						t.Errorf("it relapsed because %v", why)
					}
				})
				time.Sleep(10 * time.Minute)
				end()
				if looks := p.looks.Load(); relapsed != tt.relapsed || looks < 10 || looks > 21 || p.open.Load() != 0 {
					t.Errorf("it relapsed at look %d, want %d; of %d looks in 10 minutes %d are open", relapsed, tt.relapsed, looks, p.open.Load())
				}
			})
		})
	}
}

// spoken is what an agent has said last.
type spoken func() (health.Report, error)

func (s spoken) Report(inventory.HostName) (health.Report, error) { return s() }

// TestPollerLeavesHeard: a host is looked at unless its agent is heard, and once it is not
// any more.
func TestPollerLeavesHeard(t *testing.T) {
	for _, tt := range []struct {
		name        string
		silentAfter time.Duration
		err         error
		least, most int32 // looks in 10 minutes, one a minute
	}{
		{"heard", time.Hour, nil, 0, 0},
		{"silent after five minutes", 5 * time.Minute, nil, 4, 6},
		{"not enrolled", time.Hour, errors.New("not enrolled"), 9, 11},
	} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			p := &polled{play: func(int, *health.Report) error { return nil }}
			agent := spoken(func() (health.Report, error) {
				last := time.Since(begun) - max(time.Since(begun)-tt.silentAfter, 0)
				return health.Report{Received: begun.Add(last)}, tt.err
			})
			end := (&Poller{Reporter: p, Heard: agent}).Begin(inventory.Host{Name: "web1", Health: probes}, passed(), func(err error) { t.Error(err) })
			time.Sleep(10 * time.Minute)
			end()
			if looks := p.looks.Load(); looks < tt.least || looks > tt.most {
				t.Errorf("%s: it was looked at %d times", tt.name, looks)
			}
		})
	}
}

// TestPollerEnds: a look that hangs does not outlive the watch, and says nothing.
func TestPollerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		poller := &Poller{Reporter: reporter(func(ctx context.Context, _ time.Duration, r *health.Report) error {
			unit(r, false)
			<-ctx.Done()
			return nil
		})}
		end := poller.Begin(inventory.Host{Name: "web1", Health: probes}, passed(), func(err error) { t.Error(err) })
		time.Sleep(2 * time.Minute)
		end()
	})
}
