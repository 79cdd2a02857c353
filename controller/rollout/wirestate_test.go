package rollout

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// restored returns a state as it comes back from where it was stored. It has to be the
// same, to the last field.
func restored(t *testing.T, s *State) State {
	t.Helper()
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeState(data)
	if err != nil {
		t.Fatal(err)
	}
	all := cmp.Exporter(func(reflect.Type) bool { return true })
	noVersions := func(p cmp.Path) bool { return p.Last().Type() != reflect.TypeFor[Versions]() } // where none is not an empty one
	if diff := cmp.Diff(s, back, all, cmp.FilterPath(noVersions, cmpopts.EquateEmpty())); diff != "" {
		t.Fatalf("it comes back as another one:\n%s\n%s", diff, data)
	}
	return *back
}

// TestStateComesBack: with all that the steps of hosts leave, and in every way in which
// a rollout may end. FuzzCourse goes on with such states.
func TestStateComesBack(t *testing.T) {
	undo := func(e Event, record string) Event {
		e.Undo, e.Before, e.Notes = json.RawMessage(record), Versions{"shop-web": "1.0-1", "new": ""}, []string{"it said so", "and so"}
		e.At = noon.Add(time.Minute)
		return e
	}
	var s State
	for _, word := range strings.Fields("created a:apt:doing a:apt:failed a=failed b:apt:doing b:apt:done b=done stopped finished " +
		"taken2 retried a:apt:doing#2 a:apt:done#2 a=done#2 finished taken3 rollback a:apt:undoing#2 a:apt:stuck#2 a=stuck#2 b:apt:undoing b:apt:undone b=returned finished") {
		e := parseEvent(t, word)
		switch e.Status {
		case Doing:
			e = undo(e, `{"was":"1.0-1"}`)
		case Done:
			e.After = Versions{}
		case Failed, Stuck:
			e.Cause = "apt-get exited with 100"
		}
		if err := s.Apply(e); err != nil {
			t.Fatalf("%s: %v", word, err)
		}
		if s.Phase == Finished {
			s = restored(t, &s)
		}
	}
	if a, _ := s.Host("a"); len(a.Steps[0].Undo) != 2 || a.Verdict != HostStuck || s.Summary() != (Summary{Stuck: 1, Returned: 1}) {
		t.Errorf("the rollout ended as %+v, %+v", s.Summary(), a)
	}
}

func TestRefusedStates(t *testing.T) {
	var s State
	for _, word := range []string{"created", "finished"} {
		if data, err := s.Encode(); err == nil {
			t.Errorf("before %s the state is stored as %s", word, data)
		}
		if err := s.Apply(parseEvent(t, word)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{`{"v":1`, `{"v":2`, "it has version 2, and this aptfleet reads up to 1"},
		{`{"v":1`, `{"new":[],"v":2`, "it has version 2, and this aptfleet reads up to 1"},
		{`{"v":1`, `{"new":[],"v":1`, `unknown field "new"`},
		{`{"v":1,`, `{`, "it has version 0"},
		{`"h":[{"a":1,`, `"h":[],"x":[{"a":1,`, `unknown field "x"`},
		{`["a","b"]`, `["a"]`, "it is not whole"},
		{`"plan":{`, `"plan":null,"pause":{`, "cannot decode"},
		{`}`, ``, "cannot decode"},
	} {
		changed := strings.Replace(string(data), tt.old, tt.new, 1)
		if got, err := DecodeState([]byte(changed)); changed == string(data) || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("with %s for %s it is read as %+v, %v", tt.new, tt.old, got, err)
		}
	}
}
