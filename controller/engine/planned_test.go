package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// depot is machines that have to be brought what is installed on them.
type depot struct {
	machines
	fetched map[inventory.HostName]*bool
	lacking inventory.HostName // for which there is nothing to be had in the first attempt

	paired   atomic.Int32 // of a and b, how many are at work
	together atomic.Bool  // they were, both
}

func newDepot(hosts []inventory.Host) *depot {
	d := &depot{machines: newMachines(hosts), fetched: map[inventory.HostName]*bool{}}
	for _, h := range hosts {
		d.fetched[h.Name] = new(bool)
	}
	d.machines["c"].app = "2"
	return d
}

// prefetch brings a host its packages.
func (d *depot) prefetch(_ context.Context, h inventory.Host, at rollout.HostState) ([]string, error) {
	if d.lacking == h.Name && at.Attempt == 1 {
		return nil, errors.New("cannot fetch app 2: 404")
	}
	*d.fetched[h.Name] = true
	return []string{"app 1 cannot be had any more"}, nil
}

// task fails where nothing was brought.
func (d *depot) task(h inventory.Host, at rollout.HostState) Task {
	if !*d.fetched[h.Name] {
		return Task{Steps: []Step{fake{name: "app", do: func(context.Context) error { return errors.New("cannot find the package") }}}}
	}
	task := d.machines.task(h, at)
	for i, step := range task.Steps {
		if h.Mutex != "" {
			task.Steps[i] = d.alone(step.(fake))
		}
	}
	return task
}

// alone is a step that takes a while, during which no other of its kind may be at
// work.
func (d *depot) alone(f fake) fake {
	do, undo := f.do, f.undo
	while := func(work func() error) error {
		if d.paired.Add(1) > 1 {
			d.together.Store(true)
		}
		defer d.paired.Add(-1)
		time.Sleep(100 * time.Microsecond)
		return work()
	}
	f.do = func(ctx context.Context) error { return while(func() error { return do(ctx) }) }
	f.undo = func(record json.RawMessage) error { return while(func() error { return undo(record) }) }
	return f
}

// planOf has something to be done on all hosts but c, where it is there already,
// and d, which could not be asked.
func planOf(hosts ...inventory.HostName) rollout.Plan {
	var plans []rollout.HostPlan
	for _, name := range hosts {
		p := rollout.HostPlan{Host: name, Changes: []rollout.Change{{Package: "app", Old: "1", New: "2"}}}
		switch name {
		case "c":
			p.Changes, p.Unchanged = nil, rollout.Versions{"app": "2"}
		case "d":
			p.Changes, p.Trouble, p.Unreachable = nil, "cannot connect", true
		}
		plans = append(plans, p)
	}
	return rollout.NewPlan(plans)
}

// late is the plan of d once it can be asked.
func late() rollout.Plan {
	return rollout.NewPlan([]rollout.HostPlan{{Host: "d", Changes: []rollout.Change{{Package: "app", Old: "1", New: "2"}}}})
}

// retryLate is what a person decides who retries, and plans for d first if that
// has not come about.
func retryLate(s *rollout.State) (events []rollout.Event) {
	if _, planned := s.PlanOf("d"); !planned {
		events = late().Events()
	}
	return append(events, rollout.Event{Kind: rollout.KindRetried})
}

func goBack(*rollout.State) []rollout.Event { return []rollout.Event{{Kind: rollout.KindRollback}} }

// plannedStories are rollouts with a plan whose end must be the same wherever the
// controller dies: before the plan is whole, before it is approved, while packages
// are fetched, and from then on.
var plannedStories = []struct {
	name   string
	policy rollout.Policy
	plight func(*depot)
	then   []func(*rollout.State) []rollout.Event
	want   string
}{
	{"one has nothing to do and one no plan", rollout.Policy{Parallel: 2}, nil, nil,
		"a 2 done, b 2 done, c 2 done, d 1 unreachable; exit status 3"},
	{"the one without is planned late", rollout.Policy{Parallel: 2}, nil, []func(*rollout.State) []rollout.Event{retryLate},
		"a 2 done, b 2 done, c 2 done, d 2 done; exit status 0"},
	{"batches, pauses and gates", rollout.Policy{Parallel: 2, Batches: []rollout.Amount{one, percent(100)}, Pause: 1, Gate: true, Deadline: 1e12}, nil, []func(*rollout.State) []rollout.Event{retryLate},
		"a 2 done, b 2 done, c 2 done, d 2 done; exit status 0"},
	{"a package cannot be had, and can later", rollout.Policy{Parallel: 1}, func(d *depot) { d.lacking = "a" }, []func(*rollout.State) []rollout.Event{retryLate},
		"a 2 done, b 2 done, c 2 done, d 2 done; exit status 0"},
	{"the budget is gone before anything is touched", rollout.Policy{Parallel: 1, MaxFailures: rollout.Hosts(0)}, nil, nil,
		"a 1 not started, b 1 not started, c 2 not started, d 1 unreachable; exit status 4"},
	{"one breaks and all go back", rollout.Policy{Parallel: 1, MaxFailures: one, OnFailure: rollout.Rollback}, func(d *depot) { d.machines["b"].breaks = 1 }, nil,
		"a 1 returned, b 1 returned, c 2 not started, d 1 unreachable; exit status 5"},
	{"tried again and taken back", rollout.Policy{Parallel: 1}, func(d *depot) { d.machines["b"].breaks = 1 },
		[]func(*rollout.State) []rollout.Event{retryLate, goBack},
		"a 1 returned, b 1 returned, c 2 done, d 1 returned; exit status 5"},
	{"stuck, and returned in the end", rollout.Policy{Parallel: 2}, func(d *depot) { d.machines["a"].sticks = 1 },
		[]func(*rollout.State) []rollout.Event{goBack, goBack},
		"a 1 returned, b 1 returned, c 2 done, d 1 unreachable; exit status 5"},
}

// TestPlannedResumedAfterEveryEvent lets the journal of every story end after each
// of its events. Whoever goes on must come to the same end, with no job run twice
// and nothing installed that was not fetched. a and b are a pair all the while.
func TestPlannedResumedAfterEveryEvent(t *testing.T) {
	hosts := named("a", "b", "c", "d")
	hosts[0].Mutex, hosts[1].Mutex = "shop", "shop"
	for _, story := range plannedStories {
		t.Run(story.name, func(t *testing.T) {
			tell := func(cut int) (end, jobs string, events int) {
				d := newDepot(hosts)
				if story.plight != nil {
					story.plight(d)
				}
				tp := newPlannedTape(t, story.policy, hosts)
				tp.cut = cut
				work := Work{Hosts: hosts, Task: d.task, Prefetch: d.prefetch, Gate: d}
				tp.tellPlanned(t, work, story.then)
				if d.together.Load() {
					t.Errorf("cut at %d: both hosts of the pair were at work", cut)
				}
				return d.ends(tp.fold(t)), d.ran(), len(tp.stored)
			}
			want, jobs, whole := tell(0)
			if want != story.want {
				t.Fatalf("it ends as\n%s, want\n%s", want, story.want)
			}
			for cut := 1; cut < whole; cut++ {
				if end, ran, _ := tell(cut); end != want || ran != jobs {
					t.Errorf("cut at %d of %d it ends as\n%s with jobs %s, want\n%s with %s", cut, whole, end, ran, want, jobs)
				}
			}
		})
	}
}

func newPlannedTape(t *testing.T, policy rollout.Policy, hosts []inventory.Host) *tape {
	t.Helper()
	spec := &rollout.Spec{Mode: rollout.DistUpgrade, Policy: policy, Planned: true}
	spec.Take(hosts)
	if len(spec.Pairs) != 1 {
		t.Fatalf("the pairs are %q", spec.Pairs)
	}
	tp := &tape{}
	tp.must(t, rollout.Event{Kind: rollout.KindCreated, Spec: spec})
	return tp
}

// tellPlanned does for a rollout what commands do that are killed where the tape
// is cut, and given again.
func (tp *tape) tellPlanned(t *testing.T, work Work, then []func(*rollout.State) []rollout.Event) {
	t.Helper()
	plan := planOf("a", "b", "c", "d")
	approve := func(*rollout.State) []rollout.Event {
		return append(plan.Events(), rollout.Event{Kind: rollout.KindApproved, Digest: plan.Digest()})
	}
	for _, decide := range slices.Concat([]func(*rollout.State) []rollout.Event{approve}, then) {
		tp.untilDecided(t, decide)
		err := (&Engine{Journal: tp}).Run(t.Context(), tp.fold(t), work)
		if errors.Is(err, errCut) {
			tp.cut = 0
			tp.must(t, rollout.Event{Kind: rollout.KindTaken})
			err = (&Engine{Journal: tp}).Run(t.Context(), tp.fold(t), work)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// untilDecided takes the rollout and journals what is decided, and again if it was
// cut short.
func (tp *tape) untilDecided(t *testing.T, decide func(*rollout.State) []rollout.Event) {
	t.Helper()
	for range 2 {
		err := tp.Append(t.Context(), rollout.Event{Kind: rollout.KindTaken})
		for _, e := range decide(tp.fold(t)) {
			if err == nil {
				err = tp.Append(t.Context(), e)
			}
		}
		if err == nil {
			return
		}
		if !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		tp.cut = 0
	}
}

// ends tells how the hosts are and what the events say of them.
func (d *depot) ends(s *rollout.State) string {
	text := ""
	for _, h := range s.Hosts() {
		text += fmt.Sprintf("%s %s %s, ", h.Name, d.machines[h.Name].app, h.Verdict)
	}
	return fmt.Sprintf("%s; exit status %d", text[:len(text)-2], s.ExitStatus())
}

// ran names the jobs of all machines.
func (d *depot) ran() string {
	var all []string
	for _, name := range []inventory.HostName{"a", "b", "c", "d"} {
		all = append(all, fmt.Sprint(name, d.machines[name].ran))
	}
	return fmt.Sprint(all)
}
