package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// The rollouts that writeOld leaves: those below finished have ended.
const finishedRollouts, allRollouts = 30, 33

// writeOld leaves a journal of rollouts that ended in all sorts of ways, and some that
// did not: one is at work, one was taken again after its end, one has no event of a host.
func writeOld(t *testing.T, j *Journal) {
	t.Helper()
	for n := range allRollouts {
		w := create(t, j, "a", "b", "c")
		doing := step("a", rollout.Doing)
		doing.Undo, doing.Before = json.RawMessage(`{"was":"1.0-1"}`), rollout.Versions{"shop-web": "1.0-1"}
		done := step("a", rollout.Done)
		done.After = rollout.Versions{"shop-web": fmt.Sprintf("1.%d-1", n)}
		mustAppend(t, w, doing, done, result("a", rollout.HostDone), step("b", rollout.Doing))
		switch {
		case n%3 == 1:
			mustAppend(t, w, step("b", rollout.Failed), result("b", rollout.HostFailed), rollout.Event{Kind: rollout.KindStopped, Cause: "too many"})
		case n%3 == 2:
			w = take(t, j, w.ID())
			mustAppend(t, w, step("b", rollout.Doing), result("b", rollout.HostUnknown))
		}
		if n == allRollouts-1 {
			break // it is at work
		}
		if _, err := w.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n >= finishedRollouts {
			w = take(t, j, w.ID())
			mustAppend(t, w, rollout.Event{Kind: rollout.KindRetried}, rollout.Event{Kind: rollout.KindAborted, Cause: "asked for"})
		}
	}
	if _, err := create(t, j, "a").Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, j *Journal, id rollout.ID) *Writer {
	t.Helper()
	w, err := j.Take(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// told is all that a journal tells, but of what Watch and Appended say.
func told(t *testing.T, j *Journal) string {
	t.Helper()
	var text strings.Builder
	entries, err := j.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		state, err := j.Read(t.Context(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		term, err := j.Term(t.Context(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%+v %d\n%+v\n", e, term, *state)
		if state.Phase == rollout.Finished {
			data, err := state.Encode()
			if err != nil {
				t.Fatal(err)
			}
			text.Write(append(data, '\n'))
		}
	}
	open, err := (&UnfinishedScanner{Journal: j}).Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost, _, err := j.Lost(t.Context())
	fmt.Fprintf(&text, "open %v, lost %d, %v", open, lost, err)
	return withoutPointers(text.String())
}

// withoutPointers leaves out where something is in memory.
func withoutPointers(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ':' || r == '\n' || r == '{' || r == '}' })
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "0x") }), "\n")
}

func events(t *testing.T, b *bus.Bus) (n int) {
	t.Helper()
	info, err := b.Info(t.Context(), bus.Journal, hostEvents("*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, count := range info.State.Subjects {
		n += int(count)
	}
	return n
}

var later = time.Now().Add(time.Hour)

// TestSummarise: everybody reads the same of rollouts that were summarised, of which the
// events of hosts are gone, and of those that are not over, which are let be. It is so
// after each step of the way, also once the store was opened again.
func TestSummarise(t *testing.T) {
	folder := t.TempDir()
	reopened := func(do func(*Journal, *bus.Bus)) {
		t.Helper()
		b, err := bus.Open(t.Context(), bus.Options{State: folder})
		if err != nil {
			t.Fatal(err)
		}
		do(New(b, "ada"), b)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var before string
	var all, left int
	same := func(when string, j *Journal) {
		t.Helper()
		if diff := cmp.Diff(before, told(t, j)); diff != "" {
			t.Fatalf("%s: %s", when, diff)
		}
	}
	reopened(func(j *Journal, b *bus.Bus) {
		writeOld(t, j)
		before, all = told(t, j), events(t, b)
		if n, err := j.Summarise(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil || events(t, b) != all {
			t.Errorf("of rollouts that have just ended %d are summarised, %v", n, err)
		}
	})
	reopened(func(j *Journal, b *bus.Bus) { // killed before the purge, and in the middle of it
		for n, id := range []rollout.ID{"R1", "R2", "R3"} {
			through, err := j.summarise(t.Context(), id, later)
			if err != nil || through == 0 {
				t.Fatal(through, err)
			}
			same("summarised", j)
			if n > 0 {
				if err := b.Purge(t.Context(), bus.Journal, hostEvents(id), through-uint64(n)-1); err != nil {
					t.Fatal(err)
				}
				same("purged in part", j)
			}
		}
	})
	reopened(func(j *Journal, b *bus.Bus) {
		same("opened again", j)
		if n, err := j.Summarise(t.Context(), later); n != finishedRollouts-3 || err != nil {
			t.Errorf("%d rollouts are summarised, %v", n, err)
		}
		same("all summarised", j)
		if left = events(t, b); left == 0 || left > all/5 {
			t.Errorf("%d of %d events of hosts are left", left, all)
		}
	})
	reopened(func(j *Journal, b *bus.Bus) {
		same("all summarised, and opened again", j)
		if n, err := j.Summarise(t.Context(), later); n != 0 || err != nil || events(t, b) != left {
			t.Errorf("once more %d rollouts are summarised, %v", n, err)
		}
		if w := create(t, j, "a"); w.ID() != rollout.NewID(allRollouts+2) {
			t.Errorf("the next rollout is %s", w.ID())
		}
	})
}

// TestSummarisedGoesOn: a rollout that was summarised is taken back as any other, and
// that is read after its summary, by those too who watch. It fences as before.
func TestSummarisedGoesOn(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	writeOld(t, j)
	old := take(t, j, "R1")
	if _, err := old.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Summarise(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	stood, err := j.Read(t.Context(), "R1")
	if err != nil {
		t.Fatal(err)
	}
	w := take(t, j, "R1")
	mustAppend(t, w, rollout.Event{Kind: rollout.KindRollback, Hosts: []inventory.HostName{"a"}}, step("a", rollout.Undoing), step("a", rollout.Undone), result("a", rollout.HostReturned))
	if _, err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	var fenced *FencedError
	if err := old.Append(t.Context(), rollout.Event{Kind: rollout.KindTaken}); !errors.As(err, &fenced) {
		t.Errorf("who had it before can go on: %v", err)
	}
	n, err := j.Summarise(t.Context(), later)
	state, errRead := j.Read(t.Context(), "R1")
	if err := errors.Join(err, errRead); err != nil {
		t.Fatal(err)
	}
	if a, _ := state.Host("a"); n != 0 || a.Verdict != rollout.HostReturned || len(a.Steps[0].Undo) != 1 || state.Events != stood.Events+6 || state.Term != stood.Term+1 {
		t.Errorf("%d rollouts are summarised again, and it is read as %+v", n, state)
	}
	var seen []string
	for e, err := range j.Watch(t.Context(), "R1") {
		if err != nil {
			t.Fatal(err)
		}
		if seen = append(seen, fmt.Sprint(e.Number, " ", e)); e.Number == state.Events {
			break
		}
	}
	want := "1 created|6 finished|7 taken|8 finished|9 taken|10 rollback|11 a: install undoing|12 a: install undone|13 a: returned|14 finished"
	if got := strings.Join(seen, "|"); got != want {
		t.Errorf("watched %s, want %s", got, want)
	}
}

// TestSummarisedByMany: of controllers that do it at once, one does.
func TestSummarisedByMany(t *testing.T) {
	b := openBus(t, t.TempDir())
	writeOld(t, New(b, "ada"))
	before := told(t, New(b, "ada"))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := New(b, "ada").Summarise(t.Context(), later); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	info, err := b.Info(t.Context(), bus.Journal, summarySubject("*", "*", "*"))
	if err != nil || len(info.State.Subjects) != finishedRollouts {
		t.Errorf("there are %d summaries, %v", len(info.State.Subjects), err)
	}
	for subject, n := range info.State.Subjects {
		if n != 1 {
			t.Errorf("%s is there %d times", subject, n)
		}
	}
	if diff := cmp.Diff(before, told(t, New(b, "ada"))); diff != "" {
		t.Error(diff)
	}
}
