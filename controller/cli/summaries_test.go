package cli

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/config"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/lease"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// old is an installation with a rollout that is over and one that is not.
type old struct {
	t      *testing.T
	config string
}

func (o old) open(do func(context.Context, openJournal, *config.Config) error) {
	o.t.Helper()
	cfg, err := config.Load(o.config)
	if err != nil {
		o.t.Fatal(err)
	}
	cfg.Rollout.KeepEvents = 1
	b, err := bus.Open(o.t.Context(), bus.Options{State: cfg.State})
	if err != nil {
		o.t.Fatal(err)
	}
	if err := do(o.t.Context(), openJournal{journal.New(b, "ada"), b}, cfg); err != nil {
		o.t.Error(err)
	}
	if err := b.Close(); err != nil {
		o.t.Fatal(err)
	}
}

func newOld(t *testing.T) old {
	t.Helper()
	dir := t.TempDir()
	if status, _, stderr := run(t, "init", "--dir", dir, "--state", filepath.Join(dir, "state")); status != exitDone {
		t.Fatalf("init ended with %d: %s", status, stderr)
	}
	o := old{t, filepath.Join(dir, "aptfleet.toml")}
	o.open(func(ctx context.Context, j openJournal, _ *config.Config) error {
		spec := rollout.Spec{
			Mode: rollout.Install, Packages: []rollout.Package{{Name: "shop-web", Version: "1.1"}}, Selector: "web",
			Hosts: []inventory.HostName{"web1", "web2"}, Policy: rollout.Policy{Parallel: 2}, Who: "ada",
		}
		for range 2 {
			w, err := j.Create(ctx, spec)
			for _, e := range []rollout.Event{
				{Kind: rollout.KindStep, Host: "web1", Step: "apt", Status: rollout.Doing},
				{Kind: rollout.KindStep, Host: "web1", Step: "apt", Status: rollout.Done, Before: rollout.Versions{"shop-web": "1.0"}, After: rollout.Versions{"shop-web": "1.1"}},
				{Kind: rollout.KindResult, Host: "web1", Verdict: rollout.HostDone},
				{Kind: rollout.KindResult, Host: "web2", Verdict: rollout.HostUnreachable, Cause: "no route to host"},
				{Kind: rollout.KindFinished, Summary: &rollout.Summary{Done: 1, Unreachable: 1}},
			} {
				if e.Attempt = 1; err == nil && (w.ID() == "R1" || e.Kind != rollout.KindFinished) {
					err = w.Append(ctx, e)
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return o
}

// summarise has a daemon do it, which has to before the end of the test.
func (o old) summarise() {
	o.t.Helper()
	o.open(func(ctx context.Context, j openJournal, cfg *config.Config) error {
		said := make(chan string, 10)
		d := newDaemon(slog.New(slog.NewTextHandler(lines(said), nil)), cfg, j, nil)
		var err error
		if d.leases, err = lease.Open(ctx, j.bus, "ada"); err != nil {
			return err
		}
		defer d.leases.Close()
		ctx, end := context.WithTimeout(ctx, 20*time.Second)
		defer end()
		ended := make(chan error)
		go func() { ended <- (&service{in: d.installation(""), daemon: d}).summaries(ctx) }()
		for ctx.Err() == nil {
			select {
			case line := <-said:
				if strings.Contains(line, "rollouts=1") {
					end()
				}
			case <-ctx.Done():
				o.t.Error("the daemon has not summarised the rollout")
			}
		}
		return <-ended
	})
}

// lines is what is logged, by lines.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// told is what the commands say of the rollouts.
func (o old) told() map[string]string {
	all := map[string]string{}
	for _, words := range []string{"history", "--json history", "status R1", "--json status R1", "logs R1 web1", "status R2", "--json watch R2", "resume R1"} {
		_, out, errs := run(o.t, append([]string{"--config", o.config}, strings.Fields(words)...)...)
		all[words] = out + errs
	}
	o.open(func(ctx context.Context, j openJournal, cfg *config.Config) error {
		d := newDaemon(slog.New(slog.DiscardHandler), cfg, j, nil)
		needed, err := d.installation("").neededVersions(ctx)
		for p := range needed {
			all["needed "+p.String()] = "yes"
		}
		return err
	})
	return all
}

// TestSummaries: the daemon summarises a rollout that is over, and no command but watch
// says anything else of it then.
func TestSummaries(t *testing.T) {
	o := newOld(t)
	before := o.told()
	if _, needed := before["needed shop-web=1.0"]; !needed || !strings.Contains(before["--json status R1"], `"verdict":"unreachable"`) {
		t.Errorf("the rollouts are told as %v", before)
	}
	o.summarise()
	if diff := cmp.Diff(before, o.told()); diff != "" {
		t.Error(diff)
	}
	status, out, errs := run(t, "--config", o.config, "watch", "R1")
	if want := `R1: 4 events of hosts were summarised: "aptfleet status R1" has what became of them`; status != exitDone || out != "" || !strings.Contains(errs, want) {
		t.Errorf("watch ended with %d: %s%s", status, out, errs)
	}
	_, out, _ = run(t, "--config", o.config, "--json", "watch", "R1")
	if n := strings.Count(out, "\n"); n != 2 || !strings.Contains(out, `"sequence":6,"event":"finished"`) {
		t.Errorf("watch shows %s", out)
	}
}

// TestNeverSummarised: a keep_events of 0 is for ever.
func TestNeverSummarised(t *testing.T) {
	o := newOld(t)
	o.open(func(ctx context.Context, j openJournal, cfg *config.Config) error {
		cfg.Rollout.KeepEvents = 0
		newDaemon(slog.New(slog.DiscardHandler), cfg, j, nil).installation("").summarise(ctx, j)
		n, err := j.Summarise(ctx, time.Now())
		if n != 1 {
			t.Errorf("%d rollouts were left to summarise", n)
		}
		return err
	})
}
