package journal

import (
	"slices"
	"testing"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

func TestSurvey(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	s := &UnfinishedScanner{Journal: j}
	look := func(want ...rollout.ID) []Unfinished {
		t.Helper()
		open, err := s.Scan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var ids []rollout.ID
		for _, u := range open {
			ids = append(ids, u.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("not finished are %v, want %v", ids, want)
		}
		return open
	}
	look()
	first, second := create(t, j, "a"), create(t, j, "a")
	before := look("R1", "R2")
	mustAppend(t, first, step("a", rollout.Doing)) // no decision
	if again := look("R1", "R2"); again[0].Decisions != before[0].Decisions {
		t.Errorf("%d decisions, and then %d", before[0].Decisions, again[0].Decisions)
	}
	mustAppend(t, second, step("a", rollout.Doing), step("a", rollout.Done), result("a", rollout.HostDone))
	if _, err := second.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	look("R1")
	if _, err := j.Take(t.Context(), "R2"); err != nil {
		t.Fatal(err)
	}
	if again := look("R1", "R2"); again[1].Decisions <= before[1].Decisions {
		t.Errorf("R2 was taken up again, and still has %d decisions", again[1].Decisions)
	}
}
