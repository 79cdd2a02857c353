package notify

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus"
)

// TestToldAfterDamage: where the journal has lost its end, which had been told, what
// happens then is told all the same.
func TestToldAfterDamage(t *testing.T) {
	state := t.TempDir()
	receiver := newReceiver(t, 0)
	target := Target{Name: "ops", Webhook: &Webhook{URL: receiver.URL}}
	first := run(t, state, target)
	finish(t, first.rollout(t))
	for range 2 {
		receiver.next(t)
	}
	first.stop()
	blocks, err := filepath.Glob(filepath.Join(state, "bus", "jetstream", "*", "streams", bus.Journal, "msgs", "*"))
	if err != nil || len(blocks) == 0 {
		t.Fatal(blocks, err)
	}
	for _, file := range blocks { // the index too, as after a SIGKILL
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	second := run(t, state, target)
	w := second.rollout(t)
	if n, _ := receiver.next(t); n.On != Begin || n.Rollout != w.ID() {
		t.Errorf("told was %+v", n)
	}
	finish(t, w)
	if n, _ := receiver.next(t); n.On != End || n.Rollout != w.ID() {
		t.Errorf("told was %+v", n)
	}
}
