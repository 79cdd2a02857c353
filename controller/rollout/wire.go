package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// wireVersion is raised whenever a program that knows only the version before
// would misunderstand an event. Older versions stay readable for ever.
const wireVersion = 5

// wireEvent is an Event as it is stored and sent: JSON with short keys, since
// hosts times steps of them are written in a rollout. Its fields never change
// their meaning; the live types may.
type wireEvent struct {
	Version int                  `json:"v"`
	Kind    Kind                 `json:"k"`
	At      time.Time            `json:"t"`
	By      string               `json:"by,omitempty"`
	Term    int                  `json:"tm,omitempty"`
	Prev    uint64               `json:"p,omitempty"`
	Results int                  `json:"n,omitempty"`
	Spec    *wireSpec            `json:"spec,omitempty"`
	Summary *wireSummary         `json:"sum,omitempty"`
	Plan    *wirePlan            `json:"plan,omitempty"`
	Part    int                  `json:"pt,omitempty"`
	Parts   int                  `json:"ps,omitempty"`
	Digest  string               `json:"dg,omitempty"`
	Batch   int                  `json:"b,omitempty"`
	Hosts   []inventory.HostName `json:"hs,omitempty"`
	Host    inventory.HostName   `json:"h,omitempty"`
	Attempt int                  `json:"a,omitempty"`
	Step    string               `json:"s,omitempty"`
	Status  Status               `json:"st,omitempty"`
	Undo    json.RawMessage      `json:"u,omitempty"`
	Verdict Verdict              `json:"vd,omitempty"`
	Before  Versions             `json:"bf,omitzero"` // none is not known; an empty one that nothing was installed
	After   Versions             `json:"af,omitzero"`
	Cause   string               `json:"c,omitempty"`
	Notes   []string             `json:"nt,omitempty"`
}

type wireSummary struct {
	Done        int `json:"done"`
	Failed      int `json:"failed"`
	Unreachable int `json:"unreachable"`
	Unknown     int `json:"unknown"`
	Returned    int `json:"returned"`
	Stuck       int `json:"stuck"`
	Running     int `json:"running"`
	NotStarted  int `json:"not_started"`
}

// Encode returns the event as it is stored.
func (e Event) Encode() ([]byte, error) {
	data, err := json.Marshal(wireEvent{
		Version: wireVersion,
		Kind:    e.Kind, At: e.At, By: e.By, Term: e.Term, Prev: e.Prev, Results: e.Results,
		Spec: e.Spec.wire(), Summary: (*wireSummary)(e.Summary),
		Plan: e.Plan.wire(), Part: e.Part, Parts: e.Parts, Digest: e.Digest, Batch: e.Batch, Hosts: e.Hosts,
		Host: e.Host, Attempt: e.Attempt, Step: e.Step, Status: e.Status, Undo: e.Undo,
		Verdict: e.Verdict, Before: e.Before, After: e.After, Cause: e.Cause, Notes: e.Notes,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot encode event %q: %w", e, err)
	}
	return data, nil
}

// DecodeEvent reads what Encode returned, now or in an older version of this
// program. An event of a newer version is refused.
func DecodeEvent(data []byte) (Event, error) {
	w, err := decodeStrict(data)
	if err != nil {
		return Event{}, fmt.Errorf("cannot decode event: %w", err)
	}
	return Event{
		Kind: w.Kind, At: w.At, By: w.By, Term: w.Term, Prev: w.Prev, Results: w.Results,
		Spec: w.Spec.live(), Summary: (*Summary)(w.Summary),
		Plan: w.Plan.live(), Part: w.Part, Parts: w.Parts, Digest: w.Digest, Batch: w.Batch, Hosts: w.Hosts,
		Host: w.Host, Attempt: w.Attempt, Step: w.Step, Status: w.Status, Undo: w.Undo,
		Verdict: w.Verdict, Before: w.Before, After: w.After, Cause: w.Cause, Notes: w.Notes,
	}, nil
}

// decodeStrict refuses keys that this version does not have: a program that
// adds one raises the version. That is looked at first, since it explains the
// key; the decoder fills the rest in spite of one.
func decodeStrict(data []byte) (w wireEvent, err error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err = dec.Decode(&w)
	switch {
	case w.Version > wireVersion, err == nil && w.Version < 1:
		return w, fmt.Errorf("it has version %d, and this aptfleet reads up to %d", w.Version, wireVersion)
	case err != nil:
		return w, err
	case w.Kind == "":
		return w, errors.New("it has no kind")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return w, errors.New("something follows the event")
	}
	return w, nil
}
