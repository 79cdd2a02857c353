package tasks

import (
	"encoding/json"
	"fmt"
	"time"
)

// capacity is what a worker advertises.
type capacity struct {
	worker string
	slots  int            // hosts that it does at the same time; 0 is that it leaves
	busy   map[string]int // of these, those that it does for each dispatcher; none is 0
}

const (
	capacityEvery = 2 * time.Second
	capacityFor   = 4 * capacityEvery // without being advertised again a worker is gone
)

type wireCapacity struct {
	Version int            `json:"v"`
	Worker  string         `json:"by"`
	Slots   int            `json:"n"`
	Busy    map[string]int `json:"for,omitempty"`
}

func (c capacity) encode() ([]byte, error) {
	return json.Marshal(wireCapacity{Version: wireVersion, Worker: c.worker, Slots: c.slots, Busy: c.busy})
}

// decodeCapacity reads what encode returned. A worker of a newer version gets no tasks:
// it would not be understood.
func decodeCapacity(data []byte) (capacity, error) {
	var w wireCapacity
	if err := decodeStrict(data, &w, &w.Version); err != nil {
		return capacity{}, fmt.Errorf("cannot read the capacity of a worker: %w", err)
	}
	if w.Worker == "" || w.Slots < 0 {
		return capacity{}, fmt.Errorf("cannot read the capacity of a worker: %q has %d slots", w.Worker, w.Slots)
	}
	for _, n := range w.Busy {
		if n < 1 {
			return capacity{}, fmt.Errorf("cannot read the capacity of a worker: %q has %d slots busy", w.Worker, n)
		}
	}
	return capacity{w.Worker, w.Slots, w.Busy}, nil
}

// workerSet is the workers that are there. It belongs to a Dispatcher, and is guarded
// by its lock.
type workerSet map[string]advertised

type advertised struct {
	capacity
	when time.Time
}

func (s workerSet) update(p capacity, now time.Time) {
	if p.slots == 0 {
		delete(s, p.worker)
		return
	}
	s[p.worker] = advertised{p, now}
}

// slots counts the slots of all workers, without those that are busy for other
// dispatchers.
func (s workerSet) slots(dispatcher string, now time.Time) int {
	n := 0
	for name, w := range s {
		if now.Sub(w.when) > capacityFor {
			delete(s, name)
			continue
		}
		left := w.slots
		for other, busy := range w.busy {
			if other != dispatcher {
				left -= busy
			}
		}
		n += max(0, left)
	}
	return n
}
