package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// machine is a host with jobs as the real ones are: named, started once, and
// attached to by whoever comes with the same name.
type machine struct {
	app, config string
	jobs        map[string]error
	ran         []string // jobs, as they were started

	breaks int  // so many installations of app fail half way
	sticks int  // so many returns of app fail
	ill    bool // its gate fails
	frail  bool // it does not stay healthy, in its first attempt
}

// job runs work under a name, or returns what came of it before.
func (m *machine) job(name string, work func() error) error {
	if err, ok := m.jobs[name]; ok {
		return err
	}
	err := work()
	m.jobs[name] = err
	m.ran = append(m.ran, name)
	return err
}

type machines map[inventory.HostName]*machine

func newMachines(hosts []inventory.Host) machines {
	all := machines{}
	for _, h := range hosts {
		all[h.Name] = &machine{app: "1", config: "1", jobs: map[string]error{}}
	}
	return all
}

// task upgrades config and app. Jobs are named as a caller of Run has to.
func (all machines) task(h inventory.Host, at rollout.HostState) Task {
	m := all[h.Name]
	return Task{Steps: []Step{m.step(at, "config", &m.config, nil), m.step(at, "app", &m.app, &m.breaks)}}
}

func (m *machine) step(at rollout.HostState, name string, version *string, breaks *int) Step {
	before := *version
	return fake{name: name,
		prepare: func() (json.RawMessage, error) { return json.Marshal(before) },
		do: func(context.Context) error {
			return m.job(fmt.Sprint(name, at.AttemptOf(name)), func() error {
				if breaks != nil && *breaks > 0 {
					*breaks--
					*version = "2 (half configured)"
					return errors.New("cannot install: apt-get exited with 100")
				}
				*version = "2"
				return nil
			})
		},
		undo: func(record json.RawMessage) error {
			return m.job(fmt.Sprint("undo-", name, at.Attempt, string(record)), func() error {
				if breaks != nil && m.sticks > 0 {
					m.sticks--
					return errors.New("cannot return: postinst exited with 1")
				}
				return json.Unmarshal(record, version)
			})
		}}
}

// Wait makes machines a Gate.
func (all machines) Wait(_ context.Context, h inventory.Host, _ rollout.HostState) error {
	if all[h.Name].ill {
		return errors.New("cannot serve: 503")
	}
	return nil
}

// Begin makes machines a Watch.
func (all machines) Begin(h inventory.Host, at rollout.HostState, relapsed func(error)) (end func()) {
	if all[h.Name].frail && at.Attempt == 1 {
		relapsed(errors.New("cannot serve any longer: 503"))
	}
	return func() {}
}

// describe tells how the machines are and what the events say of them.
func (all machines) describe(s *rollout.State) string {
	var lines []string
	for _, h := range s.Hosts() {
		m := all[h.Name]
		lines = append(lines, fmt.Sprintf("%s: app %s, config %s, jobs %v, %s, gate %s, attempt %d, steps %v",
			h.Name, m.app, m.config, m.ran, h.Verdict, h.Gate, h.Attempt, h.Steps))
	}
	return strings.Join(append(lines, fmt.Sprintf("exit status %d, %s", s.ExitStatus(), s.Phase)), "\n")
}

var percent, one = rollout.Percent, rollout.Hosts(1)

// stories are rollouts whose end must be the same wherever the controller dies.
// Hosts are begun one at a time where the end depends on who is begun.
var stories = []struct {
	name   string
	policy rollout.Policy
	plight func(machines)
	then   []rollout.Event // what a person decides once it has finished
	exit   int
}{
	{"all go well", rollout.Policy{Parallel: 3}, nil, nil, rollout.ExitDone},
	{"batches and gates", rollout.Policy{Parallel: 2, Batches: []rollout.Amount{one, percent(100)}, Gate: true, Deadline: 1e12}, nil, nil, rollout.ExitDone},
	{"one breaks within the budget", rollout.Policy{Parallel: 3, MaxFailures: one}, breaking("b", 1), nil, rollout.ExitSomeFailed},
	{"the budget stops it", rollout.Policy{Parallel: 1, MaxFailures: rollout.Hosts(0)}, breaking("b", 1), nil, rollout.ExitStopped},
	{"all go back", rollout.Policy{Parallel: 1, MaxFailures: rollout.Hosts(0), OnFailure: rollout.Rollback}, breaking("c", 1), nil, rollout.ExitReturned},
	{"one gets stuck on the way back", rollout.Policy{Parallel: 1, MaxFailures: rollout.Hosts(0), OnFailure: rollout.Rollback}, sticking, nil, rollout.ExitStuck},
	{"and is returned in the end", rollout.Policy{Parallel: 1, MaxFailures: rollout.Hosts(0), OnFailure: rollout.Rollback}, sticking,
		[]rollout.Event{{Kind: rollout.KindRollback}}, rollout.ExitReturned},
	{"the canary is ill", rollout.Policy{Parallel: 2, Batches: []rollout.Amount{one, percent(100)}, MaxFailures: percent(50), Gate: true, Deadline: 1e12}, ill("a"), nil, rollout.ExitStopped},
	{"it is ill and goes back", rollout.Policy{Parallel: 2, Batches: []rollout.Amount{one}, MaxFailures: rollout.Hosts(0), OnFailure: rollout.Rollback, Gate: true, Deadline: 1e12}, ill("c"), nil, rollout.ExitReturned},
	{"the canary becomes unhealthy in the pause", rollout.Policy{Parallel: 2, Batches: []rollout.Amount{one}, MaxFailures: rollout.Hosts(0), Pause: 1, Gate: true, Deadline: 1e12}, frail("a"), nil, rollout.ExitStopped},
	{"one becomes unhealthy and all go back", rollout.Policy{Parallel: 1, Batches: []rollout.Amount{one}, MaxFailures: rollout.Hosts(0), OnFailure: rollout.Rollback, Gate: true, Deadline: 1e12}, frail("b"), nil, rollout.ExitReturned},
	{"one becomes unhealthy within the budget", rollout.Policy{Parallel: 1, Batches: []rollout.Amount{one}, MaxFailures: one, Gate: true, Deadline: 1e12}, frail("b"), nil, rollout.ExitSomeFailed},
	{"it goes on whoever becomes unhealthy", rollout.Policy{Parallel: 1, Batches: []rollout.Amount{one}, MaxFailures: rollout.Hosts(0), OnFailure: rollout.Continue, Gate: true, Deadline: 1e12}, frail("b"), nil, rollout.ExitSomeFailed},
	{"its gate alone is asked again", rollout.Policy{Parallel: 1, Batches: []rollout.Amount{one}, MaxFailures: rollout.Hosts(0), Gate: true, Deadline: 1e12}, frail("a"), []rollout.Event{{Kind: rollout.KindRetried}}, rollout.ExitDone},
	{"retry mends it", rollout.Policy{Parallel: 2}, breaking("b", 1), []rollout.Event{{Kind: rollout.KindRetried}}, rollout.ExitDone},
	{"retry of one host", rollout.Policy{Parallel: 1, MaxFailures: rollout.Hosts(0)}, breaking("b", 1), []rollout.Event{{Kind: rollout.KindRetried, Hosts: []inventory.HostName{"b"}}}, rollout.ExitSomeFailed},
	{"two tries and all go back", rollout.Policy{Parallel: 1}, breaking("b", 1), []rollout.Event{{Kind: rollout.KindRetried}, {Kind: rollout.KindRollback}}, rollout.ExitReturned},
	{"a short pause", rollout.Policy{Parallel: 1, Batches: []rollout.Amount{one}, Pause: 1}, nil, nil, rollout.ExitDone},
}

func breaking(host inventory.HostName, times int) func(machines) {
	return func(all machines) { all[host].breaks = times }
}

func ill(host inventory.HostName) func(machines) {
	return func(all machines) { all[host].ill = true }
}

func frail(host inventory.HostName) func(machines) {
	return func(all machines) { all[host].frail = true }
}

func sticking(all machines) { all["c"].breaks, all["b"].sticks = 1, 1 }

// TestResumedAfterEveryEvent lets the journal of every story end after its first
// event, its second, and so on; whoever resumes must bring it to the same end,
// with no job run twice.
func TestResumedAfterEveryEvent(t *testing.T) {
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			hosts := named("a", "b", "c", "d")
			tell := func(cut int) (string, *tape) {
				all := newMachines(hosts)
				if story.plight != nil {
					story.plight(all)
				}
				tp := newTape(t, story.policy, hosts)
				tp.cut = cut
				tellStory(t, tp, Work{Hosts: hosts, Task: all.task, Gate: all, Watch: all}, story.then)
				state := tp.fold(t)
				if got := state.ExitStatus(); got != story.exit {
					t.Errorf("cut at %d: exit status %d, want %d", cut, got, story.exit)
				}
				return all.describe(state), tp
			}
			want, whole := tell(0)
			t.Logf("%d events, decisions %v\n%s", len(whole.stored), whole.kinds(t), want)
			for cut := 1; cut < len(whole.stored); cut++ {
				if got, _ := tell(cut); got != want {
					t.Errorf("cut at %d it ends as\n%s\nand whole as\n%s", cut, got, want)
				}
			}
		})
	}
}

// tellStory carries a rollout to its end, with another controller each time the
// journal breaks, and after each end does what a person decides.
func tellStory(t *testing.T, tp *tape, work Work, then []rollout.Event) {
	t.Helper()
	for {
		err := (&Engine{Journal: tp}).Run(t.Context(), tp.fold(t), work)
		for errors.Is(err, errCut) {
			tp.cut = 0
			tp.must(t, rollout.Event{Kind: rollout.KindTaken})
			err = (&Engine{Journal: tp}).Run(t.Context(), tp.fold(t), work)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(then) == 0 {
			return
		}
		err = decideOn(t, tp, then[0])
		if errors.Is(err, errCut) {
			tp.cut = 0
			err = decideOn(t, tp, then[0])
		}
		if err != nil {
			t.Fatal(err)
		}
		then = then[1:]
	}
}

// decideOn takes a finished rollout and journals what a person wants of it.
func decideOn(t *testing.T, tp *tape, decision rollout.Event) error {
	t.Helper()
	return errors.Join(
		tp.Append(t.Context(), rollout.Event{Kind: rollout.KindTaken}),
		tp.Append(t.Context(), decision))
}

// TestUndoneNewestFirst looks at the order in which hosts go back.
func TestUndoneNewestFirst(t *testing.T) {
	hosts := named("a", "b", "c", "d")
	all := newMachines(hosts)
	all["c"].breaks = 1
	tp := newTape(t, rollout.Policy{Parallel: 1, MaxFailures: rollout.Hosts(0), OnFailure: rollout.Rollback}, hosts)
	tellStory(t, tp, Work{Hosts: hosts, Task: all.task}, nil)
	var order []inventory.HostName
	for _, data := range tp.stored {
		if e, _ := rollout.DecodeEvent(data); e.Verdict == rollout.HostReturned {
			order = append(order, e.Host)
		}
	}
	if want := []inventory.HostName{"c", "b", "a"}; !slices.Equal(order, want) {
		t.Errorf("returned %v, want %v", order, want)
	}
	if d := all["d"]; len(d.ran) > 0 {
		t.Errorf("d was never begun, and ran %v", d.ran)
	}
}
