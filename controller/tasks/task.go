package tasks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// Verb says what is to be done with a step.
type Verb string

// The verbs.
const (
	Do       Verb = "do"
	Undo     Verb = "undo"
	Prefetch Verb = "prefetch" // the packages of the host's plan; there is no step yet
)

// Task is one step to be done on one host.
type Task struct {
	Rollout rollout.ID
	Term    int // of the controller that dispatches it
	Host    inventory.HostName
	Verb    Verb
	Step    string          // "" of a prefetch
	Attempt int             // names the job on the host
	Begun   bool            // the step was begun before
	Record  json.RawMessage // of an Undo: what the journal has for it
}

// String returns the task in a few words, for logs and errors.
func (t Task) String() string {
	if t.Step == "" {
		return fmt.Sprintf("%s: %s", t.Host, t.Verb)
	}
	return fmt.Sprintf("%s: %s %s", t.Host, t.Verb, t.Step)
}

// queuedTask is a task as it lies in the queue.
type queuedTask struct {
	Task
	id      string // another one each time that it is dispatched
	replyTo string // the inbox of the dispatcher
}

// wireVersion is raised whenever a program that knows only the version before would
// misunderstand a task, or what is said of it.
const wireVersion = 1

type wireTask struct {
	Version int                `json:"v"`
	ID      string             `json:"id"`
	ReplyTo string             `json:"desk"`
	Rollout rollout.ID         `json:"r"`
	Term    int                `json:"tm"`
	Host    inventory.HostName `json:"h"`
	Verb    Verb               `json:"do"`
	Step    string             `json:"s,omitempty"`
	Attempt int                `json:"a"`
	Begun   bool               `json:"b,omitempty"`
	Record  json.RawMessage    `json:"u,omitempty"`
}

func (q queuedTask) encode() ([]byte, error) {
	return json.Marshal(wireTask{
		Version: wireVersion, ID: q.id, ReplyTo: q.replyTo, Rollout: q.Rollout, Term: q.Term, Host: q.Host,
		Verb: q.Verb, Step: q.Step, Attempt: q.Attempt, Begun: q.Begun, Record: q.Record,
	})
}

// decodeTask reads what encode returned. A task of a newer version is refused.
func decodeTask(data []byte) (queuedTask, error) {
	var w wireTask
	if err := decodeStrict(data, &w, &w.Version); err != nil {
		return queuedTask{}, fmt.Errorf("cannot read a task: %w", err)
	}
	p := queuedTask{id: w.ID, replyTo: w.ReplyTo, Task: Task{
		Rollout: w.Rollout, Term: w.Term, Host: w.Host,
		Verb: w.Verb, Step: w.Step, Attempt: w.Attempt, Begun: w.Begun, Record: w.Record,
	}}
	if err := p.validate(); err != nil {
		return queuedTask{}, fmt.Errorf("cannot read a task: %w", err)
	}
	return p, nil
}

func (q queuedTask) validate() error {
	if _, err := rollout.ParseID(string(q.Rollout)); err != nil {
		return err
	}
	switch q.Verb {
	case Do, Undo, Prefetch:
	default:
		return fmt.Errorf("%q is nothing to do", q.Verb)
	}
	switch {
	case q.id == "", q.replyTo == "":
		return errors.New("it does not say who waits for it")
	case q.Host == "":
		return errors.New("it has no host")
	case q.Term < 1, q.Attempt < 1:
		return fmt.Errorf("it is of term %d and attempt %d", q.Term, q.Attempt)
	case (q.Step == "") != (q.Verb == Prefetch):
		return fmt.Errorf("the step %q is none to %s", q.Step, q.Verb)
	}
	return nil
}

// decodeStrict reads one message, and refuses one of a newer version, or with keys
// that this version does not have.
func decodeStrict(data []byte, into any, version *int) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	switch {
	case *version > wireVersion, err == nil && *version < 1:
		return fmt.Errorf("it has version %d, and this aptfleet reads up to %d", *version, wireVersion)
	case err != nil:
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return nil
}
