package notify

import (
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

func TestNotice(t *testing.T) {
	spec := rollout.Spec{
		Mode: rollout.Install, Packages: []rollout.Package{{Name: "shop-web", Version: "1.1"}}, Selector: "web",
		Hosts: []inventory.HostName{"web1", "web2"}, When: time.Date(2026, 11, 23, 2, 30, 0, 0, time.UTC),
	}
	confirmed := spec
	confirmed.Policy.Confirm = true
	const what = "install shop-web=1.1 to web, 2 hosts"
	for _, tt := range []struct {
		event rollout.Event
		spec  rollout.Spec
		on    On // "" is not told
		text  string
	}{
		{rollout.Event{Kind: rollout.KindCreated}, spec, Begin, "R7 begins: " + what},
		{rollout.Event{Kind: rollout.KindTaken}, spec, "", ""},
		{rollout.Event{Kind: rollout.KindBatchBegun, Batch: 1}, spec, "", ""},
		{rollout.Event{Kind: rollout.KindRetried}, spec, Begin, "R7 is tried again: " + what},
		{rollout.Event{Kind: rollout.KindStopped, Cause: "2 hosts\x1b[2J failed"}, spec, Failure, `R7 was stopped: ` + what + `: 2 hosts\x1b[2J failed`},
		{rollout.Event{Kind: rollout.KindPaused}, spec, "", ""},
		{rollout.Event{Kind: rollout.KindPaused}, confirmed, Stuck, "R7 waits for a person: " + what},
		{rollout.Event{Kind: rollout.KindFinished, Summary: &rollout.Summary{Done: 2}}, spec, End, "R7 is done: " + what + "; 2 done"},
		{rollout.Event{Kind: rollout.KindFinished, Summary: &rollout.Summary{Returned: 2}}, spec, End, "R7 is done: " + what + "; 2 returned"},
		{rollout.Event{Kind: rollout.KindFinished, Summary: &rollout.Summary{Done: 1, Failed: 1}}, spec, Failure, "R7 has failed: " + what + "; 1 done, 1 failed"},
		{rollout.Event{Kind: rollout.KindFinished, Summary: &rollout.Summary{Done: 1, Stuck: 1}}, spec, Stuck, "R7 is stuck: " + what + "; 1 done, 1 stuck"},
	} {
		n, tell := newNotice(journal.Delivery{ID: "R7", Event: tt.event, Sequence: 12}, tt.spec)
		if tell != (tt.on != "") || tell && (n.On != tt.on || n.Text != tt.text || n.ID != "R7-20261123T023000-12") {
			t.Errorf("%s is told: %v, as %q: %s (%s), want %q: %s", tt.event, tell, n.On, n.Text, n.ID, tt.on, tt.text)
		}
	}
}

func TestValidate(t *testing.T) {
	mail := Mail{Server: "mail.example.com:587", From: "aptfleet@example.com", To: []string{"Ada <ada@example.com>"}}
	with := func(change func(*Mail)) *Mail {
		m := mail
		change(&m)
		return &m
	}
	for _, tt := range []struct {
		name   string
		target Target
		good   bool
	}{
		{"webhook", Target{Name: "ops", Webhook: &Webhook{URL: "https://example.com/x"}}, true},
		{"webhook from a file", Target{Name: "ops", Webhook: &Webhook{URLFrom: Secret{File: "/x"}}}, true},
		{"mail", Target{Name: "ops", Mail: &mail}, true},
		{"command", Target{Name: "ops", Command: Command{"/bin/true"}}, true},
		{"no way", Target{Name: "ops"}, false},
		{"two ways", Target{Name: "ops", Mail: &mail, Command: Command{"true"}}, false},
		{"no name", Target{Command: Command{"true"}}, false},
		{"a name that is none for the journal", Target{Name: "a.b *", Command: Command{"true"}}, false},
		{"no address", Target{Name: "ops", Webhook: &Webhook{}}, false},
		{"two addresses", Target{Name: "ops", Webhook: &Webhook{URL: "https://x", URLFrom: Secret{Env: "X"}}}, false},
		{"a file as address", Target{Name: "ops", Webhook: &Webhook{URL: "file:///etc/passwd"}}, false},
		{"no program", Target{Name: "ops", Command: Command{}}, false},
		{"no server", Target{Name: "ops", Mail: with(func(m *Mail) { m.Server = "mail" })}, false},
		{"nobody", Target{Name: "ops", Mail: with(func(m *Mail) { m.To = nil })}, false},
		{"a bad sender", Target{Name: "ops", Mail: with(func(m *Mail) { m.From = "x" })}, false},
		{"a user without password", Target{Name: "ops", Mail: with(func(m *Mail) { m.User = "u" })}, false},
		{"a password in the clear", Target{Name: "ops", Mail: with(func(m *Mail) {
			m.User, m.Password, m.Encryption = "u", Secret{Env: "P"}, Plain
		})}, false},
		{"a secret in two places", Target{Name: "ops", Webhook: &Webhook{URL: "https://x", Secret: Secret{"f", "e"}}}, false},
	} {
		if err := tt.target.Validate(); (err == nil) != tt.good {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
