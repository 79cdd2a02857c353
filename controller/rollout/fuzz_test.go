package rollout

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/inventory"
)

// FuzzCourse plays rollouts of any policy, on whose hosts anything happens in any
// order, also to those that were healthy, with controllers that die and people who
// abort, retry and roll back, also once the rollout was stored as a state. No
// decision may be one that the state refuses, no limit may be broken, and all
// must come to an end.
func FuzzCourse(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := &gamble{Rand: rand.New(rand.NewPCG(seed, 0))}
		g.course = newCourse(t, g.policy(), g.hosts())
		g.play()
	})
}

// gamble is a course that goes by chance.
type gamble struct {
	*rand.Rand
	*course
}

func (g *gamble) policy() string {
	words := []string{fmt.Sprint("x", 1+g.IntN(4))}
	for _, word := range []string{"planned", "1/50%", "2", "<0", "<1", "<30%", "gate", []string{"stop", "rollback", "continue"}[g.IntN(3)], []string{"pause", "confirm"}[g.IntN(2)]} {
		if g.IntN(3) == 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

func (g *gamble) hosts() string {
	var words []string
	for i := range 1 + g.IntN(9) {
		word := string(rune('a' + i))
		if g.IntN(5) == 0 {
			word += "!"
		}
		if g.IntN(3) == 0 {
			word += fmt.Sprint("/m:", g.IntN(2))
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// play goes on until the rollout has finished several times.
func (g *gamble) play() {
	for round, moves := 0, 0; round < 4; moves++ {
		if moves > 1000 {
			g.t.Fatalf("there is no end: %q", g.line)
		}
		before := len(g.line)
		g.drive()
		g.check(g.line[before:])
		if g.state.Phase == Finished {
			round++
			g.state = restored(g.t, &g.state)
			g.happen(fmt.Sprint("taken", g.state.Term+1))
			again := []string{"retried", "rollback"}[g.IntN(2)]
			if g.state.Returning {
				again = "rollback"
			}
			g.happen(again)
			continue
		}
		g.move()
	}
}

// move lets one thing happen.
func (g *gamble) move() {
	switch dice := g.IntN(40); {
	case dice == 0:
		g.happen("crash")
		g.happen(fmt.Sprint("taken", g.state.Term+1))
	case dice == 1 && g.state.Aborted == nil:
		g.happen("aborted")
	case g.state.unplanned() && g.state.Aborted == nil:
		g.happen("approved" + []string{"", ":a", "!a"}[g.IntN(3)])
	case g.state.Pause != nil && g.state.Aborted == nil:
		if dice%2 > 0 || !g.relapse() {
			g.happen("continued")
		}
	case dice < 4 && g.relapse():
	case len(g.busy) > 0:
		g.end()
	}
}

// relapse has a host that is watched fall ill, if there is one.
func (g *gamble) relapse() bool {
	var well []inventory.HostName
	for _, h := range g.state.Hosts() {
		if g.state.Watched(h.Name) {
			well = append(well, h.Name)
		}
	}
	if len(well) == 0 {
		return false
	}
	g.happen(string(well[g.IntN(len(well))]) + "?failed")
	return true
}

// end ends the work on one host, or its gate.
func (g *gamble) end() {
	var busy []inventory.HostName
	for _, h := range g.state.Hosts() {
		if g.busy[h.Name] {
			busy = append(busy, h.Name)
		}
	}
	name := busy[g.IntN(len(busy))]
	h, _ := g.state.Host(name)
	outcomes := []string{"=done", "=done", "=done", "=failed", "=unknown"}
	switch {
	case g.state.Returning:
		outcomes = []string{"=returned", "=returned", "=stuck", "=unknown"}
	case h.Verdict == HostDone && h.Gate != Failed && !h.Due: // it may be asked anew
		outcomes = []string{"?done", "?done", "?failed"}
	case h.unfetched() && !g.state.InBatch:
		outcomes = []string{"@done", "@done", "@done", "@failed", "@unreachable"}
	case h.Verdict == HostNotStarted:
		outcomes = append(outcomes, "=doing", "=unreachable")
	}
	g.happen(string(name) + outcomes[g.IntN(len(outcomes))])
}

// check holds the hosts that are being worked on against the limits.
func (g *gamble) check(news []string) {
	working := map[inventory.HostName]bool{}
	for name := range g.busy {
		if h, _ := g.state.Host(name); h.Due && !h.unfetched() {
			working[name] = true
		}
	}
	if len(working) > g.state.Spec.Policy.Parallel {
		g.t.Fatalf("%d hosts are worked on: %q", len(working), g.line)
	}
	for _, pair := range g.state.Spec.Pairs {
		both := slices.DeleteFunc(slices.Clone(pair), func(h inventory.HostName) bool { return !working[h] })
		doubtful := slices.ContainsFunc(both, func(name inventory.HostName) bool {
			h, _ := g.state.Host(name)
			return h.InDoubt() // it was at work already when it was taken in hand
		})
		if len(both) > 1 && !doubtful {
			g.t.Fatalf("%v are worked on at once: %q", both, g.line)
		}
	}
	if halted := g.state.Stopped != nil || g.state.Aborted != nil; halted && !g.state.Returning && slices.Contains(news, "stop") {
		after := news[slices.Index(news, "stop")+1:]
		for _, h := range g.state.Hosts() {
			if slices.Contains(after, string(h.Name)) && h.Verdict == HostNotStarted {
				g.t.Fatalf("%s was begun after the rollout was stopped: %q", h.Name, g.line)
			}
		}
	}
}
