package cli

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// TestResultText: what a host ends with is told with what became of its packages,
// also where it was taken back.
func TestResultText(t *testing.T) {
	for _, tt := range []struct {
		event rollout.Event
		want  string
	}{
		{rollout.Event{Verdict: rollout.HostDone, Before: rollout.Versions{}, After: rollout.Versions{"shop": "1.1"}}, "web1 done shop 1.1 (new)"},
		{rollout.Event{Verdict: rollout.HostReturned, Before: rollout.Versions{"shop": "1.1"}, After: rollout.Versions{"shop": "1.0"}}, "web1 returned shop 1.1 -> 1.0"},
		{rollout.Event{Verdict: rollout.HostReturned, Before: rollout.Versions{"shop": "1.1"}, After: rollout.Versions{}}, "web1 returned shop 1.1 (removed)"},
		{rollout.Event{Verdict: rollout.HostReturned}, "web1 returned nothing to change"},
		{rollout.Event{Verdict: rollout.HostStuck, Cause: "no way back"}, "web1 STUCK no way back"},
	} {
		tt.event.Kind, tt.event.Host = rollout.KindResult, "web1"
		wantText(t, tt.event, tt.want)
	}
}

// TestPauseText: a pause has no cause, and a place.
func TestPauseText(t *testing.T) {
	wantText(t, rollout.Event{Kind: rollout.KindPaused, Batch: 2}, "paused: after batch 2")
}

func wantText(t *testing.T, event rollout.Event, want string) {
	t.Helper()
	var text strings.Builder
	newEventLine(event).text(&text)
	if got := strings.Join(strings.Fields(text.String()), " "); got != want {
		t.Errorf("%+v is told as %q, want %q", event, got, want)
	}
}
