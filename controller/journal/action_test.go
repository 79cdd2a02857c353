package journal

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestActions(t *testing.T) {
	b := openBus(t, t.TempDir())
	j := New(b, "daemon")
	before := time.Now()
	want := []Action{
		{By: "ci", Did: "publish", What: "shop-web 1.1 to stable"},
		{By: "10.0.0.7", Did: "login", Error: "nobody has this token"},
	}
	for _, a := range want {
		if err := j.Record(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	got, err := j.Actions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Action{}, "At")); diff != "" {
		t.Error(diff)
	}
	if got[0].At.Before(before) || got[1].At.Before(got[0].At) {
		t.Errorf("they happened at %v and %v", got[0].At, got[1].At)
	}
	if ids, err := j.List(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("an action is taken for a rollout: %v, %v", ids, err)
	}
}

func TestActionOfNewerVersion(t *testing.T) {
	if _, err := decodeAction([]byte(`{"v":2,"d":"publish"}`)); err == nil {
		t.Error("it is read")
	}
}
