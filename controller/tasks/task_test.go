package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

var apt = Task{Rollout: "R7", Term: 2, Host: "web1", Verb: Do, Step: "apt", Attempt: 3, Begun: true}

func TestTaskWire(t *testing.T) {
	undo := apt
	undo.Verb, undo.Record = Undo, json.RawMessage(`{"format":1}`)
	for _, task := range []Task{apt, undo, {Rollout: "R1", Term: 1, Host: "web1", Verb: Prefetch, Attempt: 1}} {
		want := queuedTask{task, "id", "_INBOX.x"}
		data, err := want.encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeTask(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s came back as %+v: %v", data, got, err)
		}
	}
}

func TestTaskRefused(t *testing.T) {
	good := `{"v":1,"id":"x","desk":"d","r":"R7","tm":2,"h":"web1","do":"do","s":"apt","a":1}`
	if _, err := decodeTask([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, why string }{
		{`"v":1`, `"v":2,"new":true`, "it has version 2, and this aptfleet reads up to 1"},
		{`"v":1`, `"v":0`, "it has version 0"},
		{`"v":1`, `"v":1,"new":true`, "unknown field"},
		{`"r":"R7"`, `"r":"../7"`, "../7"},
		{`"do":"do"`, `"do":"rm"`, `"rm" is nothing to do`},
		{`"do":"do"`, `"do":"prefetch"`, "is none to prefetch"},
		{`"s":"apt",`, ``, "is none to do"},
		{`"h":"web1",`, ``, "it has no host"},
		{`"desk":"d",`, ``, "who waits"},
		{`"tm":2,`, ``, "term 0"},
		{`"a":1`, `"a":-1`, "attempt -1"},
		{`"a":1}`, `"a":1}{}`, "something follows"},
	} {
		if _, err := decodeTask([]byte(strings.Replace(good, tt.old, tt.new, 1))); err == nil || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("with %s the error is %v, want %q in it", tt.new, err, tt.why)
		}
	}
}

// TestResultWire: the error of a step has the same verdict and words here as there,
// and versions that are not known stay so.
func TestResultWire(t *testing.T) {
	report := engine.Report{Before: rollout.Versions{}, After: rollout.Versions{"shop": "1.0"}, Notes: []string{"a repair"}}
	for _, tt := range []struct {
		report  engine.Report
		err     error
		verdict rollout.Verdict
	}{
		{report, nil, rollout.HostDone},
		{engine.Report{}, errors.New("apt-get exited with 100"), rollout.HostFailed},
		{report, fmt.Errorf("cannot start: %w", engine.Judge(rollout.HostUnreachable, errors.New("refused"))), rollout.HostUnreachable},
		{report, engine.Judge(rollout.HostUnknown, errors.New("lost")), rollout.HostUnknown},
	} {
		a := newResult(tt.report, tt.err)
		data, err := update{task: "x", worker: "w", result: &a}.encode()
		if err != nil {
			t.Fatal(err)
		}
		w, err := decodeUpdate(data)
		if err != nil {
			t.Fatal(err)
		}
		got := w.result.err()
		if engine.VerdictOf(got) != tt.verdict || fmt.Sprint(got) != fmt.Sprint(tt.err) || !reflect.DeepEqual(w.result.Report, tt.report) {
			t.Errorf("%v came back as %v with %+v", tt.err, got, w.result.Report)
		}
	}
}

func TestUpdateWire(t *testing.T) {
	p := hostjob.Progress{Phase: "install", Percent: 12.5, Package: "shop", Text: "Unpacking", Holder: hostjob.Holder{PID: 7, Program: "apt"}, Lost: "silent"}
	want := update{task: "x", worker: "w", progress: &p}
	data, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeUpdate(data); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s came back as %+v: %v", data, got, err)
	}
	for _, bad := range []string{`{"v":2}`, `{"v":1,"id":"x","by":"w","a":{"vd":"running"}}`, `{"v":1,"id":"x","by":"w","a":{}}`} {
		if got, err := decodeUpdate([]byte(bad)); err == nil {
			t.Errorf("%s is read as %+v", bad, got)
		}
	}
	for _, bad := range []string{`{"v":2,"by":"w","n":1}`, `{"v":1,"by":"w","n":-1}`, `{"v":1,"n":1}`, `{"v":1,"by":"w","n":1,"for":{"d":-1}}`} {
		if got, err := decodeCapacity([]byte(bad)); err == nil {
			t.Errorf("%s is read as %+v", bad, got)
		}
	}
}

// FuzzDecodeTask: whatever lies in the queue is refused, or is a task that says all
// that a worker has to know and is written as it was read.
func FuzzDecodeTask(f *testing.F) {
	data, err := queuedTask{apt, "id", "d"}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"v":1,"id":"x","desk":"d","r":"R7","tm":2,"h":"web1","do":"undo","s":"apt","a":1,"u":{"job":"a"}}`))
	f.Add([]byte(`{"v":9}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decodeTask(data)
		if err != nil {
			return
		}
		if err := p.validate(); err != nil {
			t.Fatalf("%q is read as what it must not be: %v", data, err)
		}
		again, err := p.encode()
		if err != nil {
			t.Fatalf("%q is read, and cannot be written: %v", data, err)
		}
		if q, err := decodeTask(again); err != nil || q.id != p.id || q.Host != p.Host || q.String() != p.String() {
			t.Fatalf("%q is written as %q, which is %+v: %v", data, again, q, err)
		}
	})
}
