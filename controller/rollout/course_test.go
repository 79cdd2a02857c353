package rollout

import (
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/inventory"
)

// course plays a rollout by what Next says. It keeps a line of what was decided:
// "1( 1)" is a batch that begins and ends, "a" a host that is worked on, "a?" one
// whose gate is waited for, "@a" one that gets its packages, "-a" one that is taken back.
type course struct {
	t     *testing.T
	state State
	busy  map[inventory.HostName]bool
	line  []string
}

// newCourse reads hosts as someHosts does, and a policy like "2 1/100% <5%
// rollback gate pause": places, batches, budget, and so on.
func newCourse(t *testing.T, policy, hosts string) *course {
	t.Helper()
	c := &course{t: t, busy: map[inventory.HostName]bool{}}
	spec := *someSpec()
	spec.Policy = somePolicy(t, policy)
	spec.Take(someHosts(hosts))
	spec.Planned = strings.Contains(policy, "planned")
	c.apply(Event{Kind: KindCreated, Spec: &spec})
	return c
}

func somePolicy(t *testing.T, words string) Policy {
	t.Helper()
	p := Policy{Parallel: 9}
	amount := func(s string) Amount {
		a, err := ParseAmount(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for word := range strings.FieldsSeq(words) {
		budget, isBudget := strings.CutPrefix(word, "<")
		switch {
		case isBudget:
			p.MaxFailures = amount(budget)
		case word == "gate":
			p.Gate, p.Deadline = true, 1
		case word == "pause":
			p.Pause = 1
		case word == "confirm":
			p.Confirm = true
		case word == "planned":
		case strings.HasPrefix(word, "x"):
			p.Parallel = atoi(t, word[1:])
		case slices.Contains([]OnFailure{Stop, Rollback, Continue}, OnFailure(word)):
			p.OnFailure = OnFailure(word)
		default:
			for size := range strings.SplitSeq(word, "/") {
				p.Batches = append(p.Batches, amount(size))
			}
		}
	}
	return p
}

func (c *course) apply(e Event) {
	c.t.Helper()
	e.At = noon
	if err := c.state.Apply(e); err != nil {
		c.t.Fatalf("after %q: %v", c.line, err)
	}
}

// drive asks and does until something has to end.
func (c *course) drive() {
	c.t.Helper()
	for range 100 {
		d := c.state.Next(c.busy)
		switch {
		case d.Record != nil:
			c.note(*d.Record)
			c.apply(*d.Record)
			continue
		case d.Pause != nil:
			c.line = append(c.line, "pause")
		case d.Unplanned:
			c.line = append(c.line, "unplanned")
		}
		for _, h := range d.Work {
			c.take(h, map[bool]string{false: "", true: "-"}[c.state.Returning]+string(h))
		}
		for _, h := range d.Prefetch {
			c.take(h, "@"+string(h))
		}
		for _, h := range d.Gate {
			c.take(h, string(h)+"?")
		}
		return
	}
	c.t.Fatalf("no end to %q", c.line)
}

func (c *course) take(h inventory.HostName, word string) {
	if c.busy[h] {
		c.t.Errorf("%s is taken in hand twice", h)
	}
	c.busy[h] = true
	c.line = append(c.line, word)
}

func (c *course) note(e Event) {
	word := map[Kind]string{KindStopped: "stop", KindRollback: "back", KindFinished: "end", KindPaused: "paused"}[e.Kind]
	switch e.Kind {
	case KindBatchBegun:
		word = string(rune('0'+e.Batch)) + "("
	case KindBatchEnded:
		word = string(rune('0'+e.Batch)) + ")"
	}
	c.line = append(c.line, word)
}

// happen does what a word of a script says: a decision of a person, or "a=done",
// "a=failed" and so on, of which "a=doing" only begins, and "a?done", "a?failed".
// "crash" takes all hosts out of hand. "approved" is a plan with a change on every
// host, but for none on the one behind ":", and trouble on that behind "!";
// "amended:a" one for that host alone.
func (c *course) happen(word string) {
	c.t.Helper()
	if word == "crash" {
		clear(c.busy)
		return
	}
	if kind, but, _ := strings.Cut(strings.NewReplacer("!", " !", ":", " :").Replace(word), " "); kind == "approved" || kind == "amended" {
		c.plan(kind, but)
		return
	}
	e := parseEvent(c.t, word)
	if e.Host == "" {
		c.apply(e)
		return
	}
	h, _ := c.state.Host(e.Host)
	e.Attempt = h.Attempt
	if e.Kind == KindResult {
		c.result(e)
	} else {
		c.apply(e)
	}
	if e.Verdict != "doing" {
		delete(c.busy, e.Host)
	}
}

// plan freezes a plan, or amends the one that there is.
func (c *course) plan(kind, but string) {
	c.t.Helper()
	var plans []HostPlan
	for _, h := range c.state.Hosts() {
		p := HostPlan{Host: h.Name, Changes: []Change{{"x", "1", "2"}}}
		name, trouble := strings.CutPrefix(but, "!")
		switch named := strings.TrimPrefix(name, ":") == string(h.Name); {
		case named && trouble:
			p.Changes, p.Trouble = nil, "no route"
		case named:
			p.Changes = nil
		case kind == "amended":
			continue
		}
		plans = append(plans, p)
	}
	plan := NewPlan(plans)
	c.apply(plan.Events()[0])
	if kind == "approved" {
		c.apply(Event{Kind: KindApproved, Digest: plan.Digest()})
	}
}

// result applies the events that lead to a verdict, and that.
func (c *course) result(e Event) {
	step := func(s Status) {
		c.apply(Event{Kind: KindStep, Host: e.Host, Attempt: e.Attempt, Step: "apt", Status: s})
	}
	switch e.Verdict {
	case "doing":
		step(Doing)
		return
	case HostDone:
		if h, _ := c.state.Host(e.Host); !h.Idle() || len(h.Steps) > 0 {
			step(Doing)
			step(Done)
		}
	case HostFailed:
		step(Doing)
		step(Failed)
	case HostUnknown:
		if !c.state.Returning {
			step(Doing)
		} else {
			step(Undoing)
		}
	case HostReturned:
		step(Undoing)
		step(Undone)
	case HostStuck:
		step(Undoing)
		step(Stuck)
	}
	c.apply(e)
}

func (c *course) play(script string) string {
	c.t.Helper()
	c.drive()
	for word := range strings.FieldsSeq(script) {
		c.step(word)
	}
	return strings.Join(c.line, " ")
}

// step lets a word happen and asks what is to be done then, unless the word says
// that nobody is there to ask, or that somebody comes who will decide first.
func (c *course) step(word string) {
	c.t.Helper()
	if word != "resume" {
		c.happen(word)
	}
	if word != "crash" && !strings.HasPrefix(word, "taken") && !strings.HasPrefix(word, "amended") {
		c.drive()
	}
}

var courses = []struct {
	name, policy, hosts, script string
	want                        string
	exit                        int
}{
	{"one batch", "", "a b", "a=done b=done", "1( a b 1) end", ExitDone},
	{"window", "x2", "a b c d", "b=done a=done c=done d=done", "1( a b c d 1) end", ExitDone},
	{"failures without a budget", "1/100%", "a b c", "a=done b=failed c=unreachable", "1( a 1) 2( b c 2) end", ExitSomeFailed},
	{"batches", "1/50%/100%", "a b c d e!", "e=done a=done b=done c=done d=done", "1( e 1) 2( a b 2) 3( c d 3) end", ExitDone},

	{"a canary that fails stops it, whatever the budget", "1/100% <50%", "a b c", "a=failed", "1( a 1) stop end", ExitStopped},
	{"a canary out of reach too", "1/100% <50%", "a b c", "a=unreachable", "1( a 1) stop end", ExitStopped},
	{"a canary that fails, and continue", "1/100% continue", "a b", "a=failed b=done", "1( a 1) 2( b 2) end", ExitSomeFailed},
	{"budget in the middle of a batch", "x2 <1", "a b c d e", "a=failed b=failed", "1( a b c stop", ExitStopped},
	{"and those that run end", "x2 <0", "a b c d e", "a=failed b=done", "1( a b stop end", ExitStopped},
	{"unknown and unreachable count", "x1 <1", "a b c", "a=unknown b=unreachable", "1( a b stop end", ExitStopped},
	{"budget over batches", "2/100% <2", "a b c d e f", "a=done b=failed c=failed d=done e=done f=done", "1( a b 1) 2( c d e f 2) end", ExitSomeFailed},
	{"budget at the very end stops nothing", "<0", "a b", "a=done b=failed", "1( a b 1) end", ExitSomeFailed},
	{"budget and continue", "x1 <0 continue", "a b", "a=failed b=failed", "1( a b 1) end", ExitSomeFailed},

	{"rollback, newest first", "x2 <0 rollback", "a b c d", "a=done b=done c=failed d=done d=returned c=returned b=returned a=returned", "1( a b c d stop back -d -c -b -a end", ExitReturned},
	{"rollback of the last host", "rollback <0", "a", "a=failed a=returned", "1( a stop back -a end", ExitReturned},
	{"rollback where no host is healthy", "rollback", "a b", "a=failed b=unreachable a=returned", "1( a b 1) stop back -a end", ExitReturned},
	{"rollback where no host was touched", "rollback <0", "a b", "a=unreachable b=unreachable", "1( a b stop end", ExitStopped},
	{"rollback where no host could be planned", "rollback <0 planned", "a b", "approved!a a@unreachable b@failed", "unplanned @a @b stop end", ExitStopped},
	{"rollback of those that were touched", "rollback <0", "a b", "a=unreachable b=done b=returned", "1( a b stop back -b end", ExitReturned},
	{"retry where no host was touched", "rollback <0", "a", "a=unreachable taken2 retried a=done", "1( a stop end 1( a 1) end", ExitDone},
	{"rollback gets stuck", "rollback <0", "a b", "a=failed b=done b=returned a=stuck", "1( a b stop back -b -a end", ExitStuck},
	{"rollback loses a host", "rollback <0", "a b", "a=failed b=done b=returned a=unknown", "1( a b stop back -b -a end", ExitSomeFailed},
	{"rollback by a person", "", "a b", "a=done b=done taken2 rollback b=returned a=returned", "1( a b 1) end -b -a end", ExitReturned},
	{"rollback again goes on with what is stuck", "", "a b", "a=done b=done taken2 rollback a=stuck b=returned taken3 rollback a=returned", "1( a b 1) end -b -a end -a end", ExitReturned},
	{"rollback again with what is lost", "", "a", "a=done taken2 rollback a=unknown taken3 rollback a=unknown taken4 rollback a=returned", "1( a 1) end -a end -a end -a end", ExitReturned},
	{"rollback of nothing", "", "a", "a=unreachable taken2 rollback", "1( a 1) end end", ExitReturned},
	{"rollback in the middle", "x1", "a b", "a=done b=doing crash taken2 rollback b=returned a=returned", "1( a b -b -a end", ExitReturned},

	{"gates", "1/100% gate", "a b", "a=done a?done b=done b?done", "1( a a? 1) 2( b b? 2) end", ExitDone},
	{"gates do not take a place", "x1 gate", "a b", "a=done b=done b?done a?done", "1( a b a? b? 1) end", ExitDone},
	{"nor do those that are waited for already", "x1 gate", "a b c", "a=done b=done c=done a?done b?done c?done", "1( a b a? c b? c? 1) end", ExitDone},
	{"a gate fails", "1/100% gate <0", "a b", "a=done a?failed", "1( a a? stop end", ExitStopped},
	{"a gate fails within the budget", "gate <50%", "a b", "a=done a?failed b=done b?done", "1( a b a? b? 1) end", ExitSomeFailed},
	{"a gate of the last batch fails", "gate <0", "a b", "a=done b=done a?failed b?done", "1( a b a? b? 1) stop end", ExitStopped},
	{"a gate of the last batch fails, and continue", "gate <0 continue", "a b", "a=done b=done a?failed b?done", "1( a b a? b? 1) end", ExitSomeFailed},
	{"a gate fails and all go back", "1/100% gate <0 rollback", "a b", "a=done a?failed a=returned", "1( a a? stop back -a end", ExitReturned},
	{"a failed gate is tried again alone", "gate", "a b", "a=done a?failed b=done b?done taken2 retried a?done", "1( a b a? b? 1) end 1( a? 1) end", ExitDone},
	{"no gate for those that are stopped", "x1 gate <0", "a b c", "a=done b=failed crash resume", "1( a b a? stop end", ExitStopped},

	{"a host that was well is so no longer", "1/100% gate <0", "a b c", "a=done a?done b=done a?failed c=done b?done", "1( a a? 1) 2( b c b? stop end", ExitStopped},
	{"that stops it in a pause", "1 gate <0 pause", "a b", "a=done a?done a?failed", "1( a a? 1) paused pause stop end", ExitStopped},
	{"and where a person is waited for", "1 gate <0 confirm", "a b", "a=done a?done crash taken2 a?failed", "1( a a? 1) paused pause stop end", ExitStopped},
	{"and takes all back", "1/100% gate <0 rollback", "a b c", "a=done a?done b=done a?failed c=done b?done c=returned b=returned a=returned", "1( a a? 1) 2( b c b? stop back -c -b -a end", ExitReturned},
	{"and takes it back from the last batch's gates", "gate <0 rollback", "a b", "a=done a?done b=done a?failed b?done b=returned a=returned", "1( a b a? b? stop back -b -a end", ExitReturned},
	{"and stops it though nothing is left to begin", "1/100% gate <0", "a b c", "a=done a?done b=done c=done b?done a?failed c?done", "1( a a? 1) 2( b c b? c? 2) stop end", ExitStopped},
	{"and is within the budget", "1/100% gate <1", "a b c", "a=done a?done b=done b?done a?failed c=done c?done", "1( a a? 1) 2( b c b? c? 2) end", ExitSomeFailed},
	{"and was the only one that was healthy", "1/100% gate <50% pause", "a b c", "a=done a?done a?failed", "1( a a? 1) paused pause stop end", ExitStopped},
	{"and it goes on all the same", "1/100% gate <0 continue", "a b", "a=done a?done a?failed b=done b?done", "1( a a? 1) 2( b b? 2) end", ExitSomeFailed},
	{"its gate alone is tried again", "1/100% gate <0", "a b", "a=done a?done a?failed b=done taken2 retried a?done b?done", "1( a a? 1) 2( b stop end 1( a? 1) 2( b? 2) end", ExitDone},
	{"it counts in a retry of others", "1/1/100% gate <0", "a b c d", "a=done a?done b=done b?failed taken2 retried a?failed b?done", "1( a a? 1) 2( b b? stop end 2( b? stop end", ExitStopped},
	{"and lets its pair go on", "gate <1", "a/m b/m", "a=done a?done a?failed b=done b?done", "1( a a? b b? 1) end", ExitSomeFailed},

	{"pause", "1 pause", "a b c", "a=done continued b=done continued c=done", "1( a 1) paused pause 2( b 2) paused pause 3( c 3) end", ExitDone},
	{"pause until a person comes", "1 confirm", "a b", "a=done crash taken2 resume continued b=done", "1( a 1) paused pause pause 2( b 2) end", ExitDone},
	{"all are asked anew after a pause", "1 gate confirm", "a b c", "a=done a?done continued a?done b=done b?done continued a?done b?done c=done c?done",
		"1( a a? 1) paused pause a? 2( b b? 2) paused pause a? b? 3( c c? 3) end", ExitDone},
	{"and not again when one of them is late", "2/100% gate pause", "a b c", "a=done b=done a?done b?done continued b?done a?done c=done c?done", "1( a b a? b? 1) paused pause a? b? 2( c c? 2) end", ExitDone},
	{"and one is not healthy", "1 gate <0 confirm", "a b", "a=done a?done continued a?failed", "1( a a? 1) paused pause a? stop end", ExitStopped},
	{"and one is not healthy, within the budget", "2/100% gate <1 pause", "a b c", "a=done b=done a?done b?done continued a?failed b?done c=done c?done", "1( a b a? b? 1) paused pause a? b? 2( c c? 2) end", ExitSomeFailed},
	{"a crash while they are asked", "2/100% gate confirm", "a b c", "a=done b=done a?done b?done continued a?done crash taken2 resume b?done c=done c?done", "1( a b a? b? 1) paused pause a? b? b? 2( c c? 2) end", ExitDone},
	{"an abort while they are asked", "1 gate confirm", "a b", "a=done a?done continued crash taken2 aborted", "1( a a? 1) paused pause a? end", ExitSomeFailed},
	{"who takes up others in a pause has those that are done asked anew, too", "1 gate confirm", "a b", "a=done a?done crash taken2 retried a?done b=done b?done", "1( a a? 1) paused pause a? 2( b b? 2) end", ExitDone},
	{"and not in a later one", "1 gate <1 confirm", "a b", "a=done a?done continued a?done b=done b?failed taken2 retried b?done", "1( a a? 1) paused pause a? 2( b b? 2) end 2( b? 2) end", ExitDone},
	{"abort in a pause", "1 confirm", "a b", "a=done aborted", "1( a 1) paused pause end", ExitSomeFailed},

	{"abort", "x2", "a b c d", "a=done aborted b=done c=done", "1( a b c end", ExitSomeFailed},
	{"abort of a rollback", "x1 rollback <0", "a b c", "a=done b=failed aborted b=returned", "1( a b stop back -b end", ExitSomeFailed},
	{"abort while gates are waited for", "gate", "a b", "a=done b=done a?done crash taken2 aborted", "1( a b a? b? end", ExitSomeFailed},
	{"and they are waited for later", "gate", "a b", "a=done b=done a?done crash taken2 aborted taken3 retried b?done", "1( a b a? b? end 1( b? 1) end", ExitDone},
	{"abort before the plan is approved", "planned", "a", "aborted", "unplanned end", ExitSomeFailed},
	{"prefetch", "x2 1/100% planned", "a b c", "approved a@done b@done c@done a=done b=done c=done", "unplanned @a @b @c 1( a 1) 2( b c 2) end", ExitDone},
	{"prefetch fails", "x1 planned", "a b", "approved a@failed b@done b=done", "unplanned @a @b 1( b 1) end", ExitSomeFailed},
	{"too many prefetches fail", "x1 <0 planned", "a b", "approved a@failed", "unplanned @a stop end", ExitStopped},
	{"no prefetch for those that are stopped", "x2 <0 planned", "a b c", "approved a@failed b@done", "unplanned @a @b stop end", ExitStopped},
	{"prefetch is tried again alone", "planned", "a b", "approved a@unreachable b@done b=done taken2 retried a@done a=done", "unplanned @a @b 1( b 1) end @a 1( a 1) end", ExitDone},
	{"a retry fetches nothing twice", "planned", "a", "approved a@done a=failed taken2 retried a=done", "unplanned @a 1( a 1) end 1( a 1) end", ExitDone},
	{"who is in doubt fetches nothing", "planned", "a", "approved a@done a=unknown taken2 retried a=done", "unplanned @a 1( a 1) end 1( a 1) end", ExitDone},
	{"crash while packages are fetched", "x2 planned", "a b", "approved a@done crash taken2 resume b@done a=done b=done", "unplanned @a @b @b 1( a b 1) end", ExitDone},
	{"abort while packages are fetched", "x1 planned", "a b", "approved aborted a@done", "unplanned @a end", ExitSomeFailed},
	{"nothing to do on a host", "1/100% planned", "a b", "approved:a b@done a=done b=done", "unplanned @b 1( a 1) 2( b 2) end", ExitDone},
	{"no plan for a host", "planned", "a b", "approved!a a@unreachable b@done b=done", "unplanned @a @b 1( b 1) end", ExitSomeFailed},
	{"a host is planned late", "planned", "a b", "approved!a a@unreachable b@done b=done taken2 amended:a retried a=done", "unplanned @a @b 1( b 1) end 1( a 1) end", ExitDone},

	{"unplanned", "planned", "a", "taken2 resume", "unplanned unplanned", ExitSomeFailed},

	{"crash", "x2", "a b c", "a=doing b=done crash taken2 resume a=done c=done", "1( a b c a c 1) end", ExitDone},
	{"crash and abort: those that ran are seen through", "x2", "a b c", "a=doing b=doing crash taken2 aborted a=done b=done", "1( a b a b end", ExitSomeFailed},
	{"crash while a gate is waited for", "gate", "a", "a=done crash taken2 resume a?done", "1( a a? a? 1) end", ExitDone},

	{"retry", "", "a b c", "a=done b=failed c=unreachable taken2 retried b=done c=done", "1( a b c 1) end 1( b c 1) end", ExitDone},
	{"retry what was never started", "1/100% <0", "a b c", "a=failed taken2 retried a=done b=done c=done", "1( a stop end 1( a 1) 2( b c 2) end", ExitDone},
	{"retry where nothing is to do", "", "a", "a=done taken2 retried", "1( a 1) end end", ExitDone},
	{"retry skips batches that are done", "1/1/100%", "a b c d", "a=done b=done c=failed d=failed taken2 retried c=done d=failed", "1( a 1) 2( b 2) 3( c d 3) end 3( c d 3) end", ExitSomeFailed},
	{"retry after an abort", "x1", "a b", "aborted a=done taken2 retried b=done", "1( a end 1( b 1) end", ExitDone},
	{"old failures do not count in a retry", "x1 <1", "a b c", "a=failed b=failed taken2 retried a=done b=failed c=done", "1( a b stop end 1( a b c 1) end", ExitSomeFailed},

	{"pairs", "", "a/m b/m c", "a=done c=done b=done", "1( a c b 1) end", ExitDone},
	{"pairs over batches", "1/100%", "a/m b/m c/m", "a=done b=done c=done", "1( a 1) 2( b c 2) end", ExitDone},
	{"a pair waits for the gate", "gate", "a/m b/m", "a=done a?done b=done b?done", "1( a a? b b? 1) end", ExitDone},
	{"a lost host keeps its pair", "", "a/m b/m", "a=unknown taken2 retried a=done b=done", "1( a 1) end 1( a b 1) end", ExitDone},
	{"a failed one does not", "", "a/m b/m", "a=failed b=done", "1( a b 1) end", ExitSomeFailed},
	{"pairs go back one by one", "", "a/m b/m", "a=done b=done taken2 rollback b=returned a=returned", "1( a b 1) end -b -a end", ExitReturned},
	{"a lost host does not keep others from going back", "", "a/m b/m", "a=done b=done taken2 rollback b=unknown a=returned", "1( a b 1) end -b -a end", ExitSomeFailed},
}
