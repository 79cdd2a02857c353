package tasks

import (
	"encoding/json"
	"fmt"
	"time"
)

// presence is what a worker tells of itself.
type presence struct {
	worker string
	slots  int            // hosts that it does at the same time; 0 is that it leaves
	busy   map[string]int // of these, those that it does for each desk; none is 0
}

const (
	presenceEvery = 2 * time.Second
	presenceFor   = 4 * presenceEvery // without another word a worker is gone
)

type wirePresence struct {
	Version int            `json:"v"`
	Worker  string         `json:"by"`
	Slots   int            `json:"n"`
	Busy    map[string]int `json:"for,omitempty"`
}

func (p presence) encode() ([]byte, error) {
	return json.Marshal(wirePresence{Version: wireVersion, Worker: p.worker, Slots: p.slots, Busy: p.busy})
}

// decodePresence reads what encode returned. A worker of a newer version is left
// alone, which would not be understood.
func decodePresence(data []byte) (presence, error) {
	var w wirePresence
	if err := decodeStrict(data, &w, &w.Version); err != nil {
		return presence{}, fmt.Errorf("cannot read who is there: %w", err)
	}
	if w.Worker == "" || w.Slots < 0 {
		return presence{}, fmt.Errorf("cannot read who is there: a worker %q with %d hands", w.Worker, w.Slots)
	}
	for _, n := range w.Busy {
		if n < 1 {
			return presence{}, fmt.Errorf("cannot read who is there: a worker %q with %d hands at work", w.Worker, n)
		}
	}
	return presence{w.Worker, w.Slots, w.Busy}, nil
}

// crowd is the workers that are there. It belongs to a Desk, and is guarded by its
// lock.
type crowd map[string]seen

type seen struct {
	presence
	at time.Time
}

func (c crowd) see(p presence, now time.Time) {
	if p.slots == 0 {
		delete(c, p.worker)
		return
	}
	c[p.worker] = seen{p, now}
}

// slots counts the hands of all who are there, without those that work for other
// desks.
func (c crowd) slots(desk string, now time.Time) int {
	n := 0
	for name, s := range c {
		if now.Sub(s.at) > presenceFor {
			delete(c, name)
			continue
		}
		left := s.slots
		for other, busy := range s.busy {
			if other != desk {
				left -= busy
			}
		}
		n += max(0, left)
	}
	return n
}
