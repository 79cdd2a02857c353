package rollout

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/inventory"
)

func TestCourses(t *testing.T) {
	for _, tt := range courses {
		t.Run(tt.name, func(t *testing.T) {
			c := newCourse(t, tt.policy, tt.hosts)
			if got := c.play(tt.script); got != tt.want {
				t.Errorf("%q went\n    %s, want\n    %s", tt.script, got, tt.want)
			}
			if got := c.state.ExitStatus(); got != tt.exit {
				t.Errorf("exit status %d, want %d", got, tt.exit)
			}
		})
	}
}

// TestNextIsResumable: whoever folds the events anew and has nothing in hand is
// told to take in hand what the one before had, and to journal the same.
func TestNextIsResumable(t *testing.T) {
	for _, tt := range courses {
		c := newCourse(t, tt.policy, tt.hosts)
		c.drive()
		for word := range strings.FieldsSeq(tt.script) {
			c.step(word)
			d := c.state.Next(nil)
			if d.Record != nil && len(c.busy) > 0 {
				for h := range maps.Keys(c.busy) {
					if s, _ := c.state.Host(h); s.Verdict == HostRunning {
						t.Errorf("%s, after %s: %q would be journaled while %s runs", tt.name, word, d.Record, h)
					}
				}
			}
			for h := range c.busy {
				s, _ := c.state.Host(h)
				if s.Verdict == HostRunning && !slices.Contains(d.Work, h) {
					t.Errorf("%s, after %s: %s runs, and whoever resumes takes %v", tt.name, word, h, d.Work)
				}
			}
		}
	}
}

// TestRetryOfHalfAPair: a host whose pair has one of which nobody knows what
// became cannot be taken up without that one.
func TestRetryOfHalfAPair(t *testing.T) {
	for _, tt := range []struct {
		script, named, refused string
	}{
		{"a=unknown taken2", "b", "b has to wait for a, which is unknown and of the same pair: retry both"},
		{"a=unknown taken2", "a", ""},
		{"a=unknown taken2", "a b", ""},
		{"a=failed b=failed taken2", "b", ""},
		{"a=unknown taken2", "c", "no host needs it"},
	} {
		c := newCourse(t, "", "a/m b/m c")
		c.play("c=done " + tt.script)
		e := Event{Kind: KindRetried, At: noon}
		for name := range strings.FieldsSeq(tt.named) {
			e.Hosts = append(e.Hosts, inventory.HostName(name))
		}
		err := c.state.Apply(e)
		if (err == nil) != (tt.refused == "") || err != nil && !strings.HasSuffix(err.Error(), tt.refused) {
			t.Errorf("after %s, to retry %s ends with %v, want %q", tt.script, tt.named, err, tt.refused)
		}
	}
}

// TestRetryOfSome: hosts that a dead controller left at work are seen through, also
// where somebody takes up others: a rollout that has ended must not have any.
func TestRetryOfSome(t *testing.T) {
	c := newCourse(t, "1/100% x2 continue", "a b c d")
	c.play("a=failed b=doing crash taken2")
	c.apply(Event{Kind: KindRetried, Hosts: []inventory.HostName{"a"}})
	want := "1( a 1) 2( b c 1( a 1) 2( b 2) end"
	if got := c.play("a=done b=done"); got != want || c.state.Summary().Running > 0 {
		t.Errorf("it went\n    %s, want\n    %s; %s", got, want, c.state.Summary())
	}
}

// TestPairInDoubtGoesBackFirst: one of a pair was lost on its way back, and may still be
// at work there. No other of them is begun before that is known, although it was the
// last to be installed.
func TestPairInDoubtGoesBackFirst(t *testing.T) {
	c := newCourse(t, "", "a/m b/m")
	c.play("a=done b=done taken2")
	c.apply(Event{Kind: KindRollback, Hosts: []inventory.HostName{"a"}})
	want := "1( a b 1) end -a end -a -b end"
	if got := c.play("a=unknown taken3 rollback a=returned b=returned"); got != want {
		t.Errorf("it went\n    %s, want\n    %s", got, want)
	}
}

// TestStopIsRemembered: hosts that were taken back, by the rollout itself and later by a
// person, are so because something stopped it, and the state goes on saying what.
func TestStopIsRemembered(t *testing.T) {
	c := newCourse(t, "x1 <0 rollback", "a b")
	c.play("a=failed a=stuck taken2 rollback a=returned")
	if s := c.state.Stopped; s == nil || s.Cause != "1 of 2 hosts failed, and 0 may" {
		t.Errorf("after %q it was stopped by %+v", c.line, s)
	}
}
