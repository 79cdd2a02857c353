package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// TestDamagedHistory lists rollouts of which the journal has lost a part.
func TestDamagedHistory(t *testing.T) {
	lost := errors.New("cannot read R7: its first event is gone")
	created := rollout.Event{At: time.Now(), Spec: &rollout.Spec{Mode: rollout.Install, Packages: []rollout.Package{{Name: "shop"}}, Selector: "web"}}
	for _, tt := range []struct {
		entry journal.Entry
		want  []string
	}{
		{journal.Entry{ID: "R7", Err: lost}, []string{"R7 ", "DAMAGED", lost.Error()}},
		{journal.Entry{ID: "R7", Err: lost, Created: created}, []string{"R7 ", "install shop to web", "DAMAGED", lost.Error()}},
	} {
		var said strings.Builder
		newHistoryLine(tt.entry).text(&said)
		for _, want := range tt.want {
			if !strings.Contains(said.String(), want) {
				t.Errorf("history says %q, want %q in it", said.String(), want)
			}
		}
	}
}
