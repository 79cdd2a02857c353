package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/aptfleet/aptfleet/controller/server"
)

// notAsked are the flags of rollout that the daemon need not know: they say
// what the command asks it for, and whether it asks a person first.
var notAsked = map[string]bool{"dry-run": true, "yes": true}

// rolloutFlags are those of the command, which leaves in o what is typed.
func rolloutFlags(o *rolloutOptions) *pflag.FlagSet { return new(app).rolloutWith(o).Flags() }

// word returns the n-th word that a flag can be given. Every one that is no number
// reads as a time, since --pause wants one.
func word(t *testing.T, f *pflag.Flag, n int) string {
	t.Helper()
	switch f.Value.Type() {
	case "bool":
		return "true"
	case "int":
		return strconv.Itoa(n)
	case "string", "stringSlice", "stringArray", "duration":
		return fmt.Sprintf("1m%d.001s", n)
	}
	t.Fatalf("--%s takes a %s, of which this test knows no word", f.Name, f.Value.Type())
	return ""
}

// throughDaemon returns what a daemon takes a client to ask for.
func throughDaemon(t *testing.T, o rolloutOptions) rolloutOptions {
	t.Helper()
	ask, err := o.ask([]string{"shop-web"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	var got server.RolloutRequest
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Packages, []string{"shop-web"}) {
		t.Errorf("the packages arrive as %v", got.Packages)
	}
	return askedFor(got)
}

// TestFlagsReachTheDaemon types each flag of rollout alone: the daemon must take it
// for what was typed.
func TestFlagsReachTheDaemon(t *testing.T) {
	rolloutFlags(new(rolloutOptions)).VisitAll(func(f *pflag.Flag) {
		var o rolloutOptions
		flags := rolloutFlags(&o)
		want := o
		if err := flags.Set(f.Name, word(t, f, 1)); err != nil {
			t.Fatal(err)
		}
		if !notAsked[f.Name] {
			want = o
		}
		if got := throughDaemon(t, o); !reflect.DeepEqual(got, want) {
			t.Errorf("--%s reaches the daemon as %+v, want %+v", f.Name, got, want)
		}
	})
}

// TestOptionsReachTheDaemon types all flags, each as nothing else. Every option must
// have been said by then, so that a new one cannot be left out of these tests.
func TestOptionsReachTheDaemon(t *testing.T) {
	var o rolloutOptions
	flags, n := rolloutFlags(&o), 0
	flags.VisitAll(func(f *pflag.Flag) {
		n++
		if err := flags.Set(f.Name, word(t, f, n)); err != nil {
			t.Fatal(err)
		}
	})
	options := reflect.ValueOf(o)
	for i := range options.NumField() {
		if options.Field(i).IsZero() {
			t.Errorf("no flag of rollout says %s: whether the daemon gets it is not tested", options.Type().Field(i).Name)
		}
	}
	o.dryRun, o.yes = false, false
	if got := throughDaemon(t, o); !reflect.DeepEqual(got, o) {
		t.Errorf("all flags together reach the daemon as %+v, want %+v", got, o)
	}
}

// TestManualPauseReachesTheDaemon: --pause has a word too.
func TestManualPauseReachesTheDaemon(t *testing.T) {
	want := rolloutOptions{mode: "install", pause: manual}
	if got := throughDaemon(t, want); !reflect.DeepEqual(got, want) {
		t.Errorf("--pause %s reaches the daemon as %+v", manual, got)
	}
}

// TestRollbackAsksForTheNumber: the number of hosts to be typed is that of those which
// a rollback would change: not of those on which nothing was done, and with those that
// the inventory no longer has.
func TestRollbackAsksForTheNumber(t *testing.T) {
	c := asking(t, versioned(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `{"type":"rollout","id":"R1","hosts":[{"host":"web1","verdict":"done","took":2.5},{"host":"web2","verdict":"unreachable"},`+
			`{"host":"web3","verdict":"failed","took":1},{"host":"web4","verdict":"done"},{"host":"web5","verdict":"returned","took":1},`+
			`{"host":"web6","verdict":"running"},{"host":"web7","verdict":"not started"},{"host":"web8","verdict":"stuck","took":1}]}`)
	}))
	for selector, want := range map[string]string{"": "changes 4 hosts", "web": "changes 1 host:"} {
		if err := c.confirmRollback(t.Context(), "R1", selector); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("to roll back %q asks %v, want %q", selector, err, want)
		}
	}
}
