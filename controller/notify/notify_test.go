package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// post is what a webhook was sent.
type post struct {
	header http.Header
	body   []byte
}

// receiver is a real HTTP server that takes posts, and refuses the first few.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	refuse int
	posts  chan post
}

func newReceiver(t *testing.T, refuse int) *receiver {
	t.Helper()
	r := &receiver{refuse: refuse, posts: make(chan post, 100)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse > 0 || err != nil {
		r.refuse--
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	r.posts <- post{req.Header, body}
}

func (r *receiver) next(t *testing.T) (Notice, post) {
	t.Helper()
	select {
	case p := <-r.posts:
		var n Notice
		if err := json.Unmarshal(p.body, &n); err != nil {
			t.Fatalf("%s: %v", p.body, err)
		}
		return n, p
	case <-time.After(time.Minute):
		t.Fatal("nothing was posted")
		panic("not reached")
	}
}

// running is a Notifier at work on a real journal.
type running struct {
	journal *journal.Journal
	log     *bytes.Buffer
	stop    func()
}

func run(t *testing.T, state string, targets ...Target) running {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	r := running{journal: journal.New(b, "ada"), log: &bytes.Buffer{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	n := &Notifier{Journal: r.journal, Targets: targets, Log: slog.New(slog.NewTextHandler(r.log, nil)), delays: []time.Duration{time.Millisecond, time.Millisecond}}
	go func() { done <- n.Run(ctx) }()
	for _, target := range targets { // until each has its place
		for {
			_, decisions := b.JetStream().Consumer(ctx, bus.Journal, "notify-"+target.Name)
			_, actions := b.JetStream().Consumer(ctx, bus.Audit, "notify-"+target.Name)
			if decisions == nil && actions == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r running) rollout(t *testing.T) *journal.Writer {
	t.Helper()
	w, err := r.journal.Create(t.Context(), rollout.Spec{
		Mode: rollout.Install, Packages: []rollout.Package{{Name: "shop-web"}}, Selector: "web",
		Hosts: someHosts, Policy: rollout.Policy{Parallel: 1}, When: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestDeadTarget: a dead webhook delays neither the rollout nor another target,
// one that comes back gets what it missed, and its address is in no log.
func TestDeadTarget(t *testing.T) {
	dead, shaky, well := newReceiver(t, 0), newReceiver(t, 2), newReceiver(t, 0)
	dead.Close()
	secret := "/services/T0/SECRET"
	r := run(t, t.TempDir(),
		Target{Name: "dead", Webhook: &Webhook{URL: dead.URL + secret}},
		Target{Name: "shaky", Webhook: &Webhook{URL: shaky.URL + secret}},
		Target{Name: "well", On: []On{End}, Webhook: &Webhook{URL: well.URL}})
	w := r.rollout(t)
	finish(t, w)
	if n, _ := well.next(t); n.On != End || n.Rollout != w.ID() || n.Summary.Done != 1 || n.Hosts != 1 {
		t.Errorf("told was %+v", n)
	}
	on := map[On]string{}
	for range 2 {
		n, _ := shaky.next(t)
		on[n.On] = n.ID
	}
	if on[Begin] == "" || on[End] == "" || on[Begin] == on[End] {
		t.Errorf("after it was refused twice, told was %v", on)
	}
	r.stop()
	if log := r.log.String(); strings.Contains(log, secret) || !strings.Contains(log, "target=dead") || !strings.Contains(log, "answered 503") {
		t.Errorf("the log says %s", log)
	}
}

// TestToldLater: what a daemon has not told when it ends, the next one tells.
func TestToldLater(t *testing.T) {
	state := t.TempDir()
	away := newReceiver(t, 1000)
	target := Target{Name: "ops", Webhook: &Webhook{URL: away.URL}}
	first := run(t, state, target)
	first.stop()
	b, err := bus.Open(t.Context(), bus.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	w := running{journal: journal.New(b, "ada")}.rollout(t) // a command's, with no daemon
	finish(t, w)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	away.mu.Lock()
	away.refuse = 0
	away.mu.Unlock()
	run(t, state, target)
	if n, _ := away.next(t); n.On != Begin || n.Rollout != w.ID() {
		t.Errorf("told was %+v", n)
	}
	if n, _ := away.next(t); n.On != End {
		t.Errorf("told was %+v", n)
	}
}

// TestSignature uses the example of the specification's libraries.
func TestSignature(t *testing.T) {
	got := signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("the signature is %s, want %s", got, want)
	}
}

func TestSignedPost(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t, 0)
	hook := Webhook{URL: r.URL, Secret: Secret{File: file}}
	if err := hook.send(t.Context(), Notice{ID: "R1-1", On: End, Text: "done"}); err != nil {
		t.Fatal(err)
	}
	_, p := r.next(t)
	h := p.header
	if want := signature("hush", "R1-1", h.Get("Webhook-Timestamp"), p.body); h.Get("Webhook-Signature") != want || h.Get("Webhook-Id") != "R1-1" {
		t.Errorf("the headers are %v, want the signature %s", h, want)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := hook.send(t.Context(), Notice{ID: "R1-2"}); err == nil || len(r.posts) != 0 {
		t.Errorf("without its secret it was sent: %v", err)
	}
}

// TestNoRedirection: a notice goes to nobody who was not named.
func TestNoRedirection(t *testing.T) {
	elsewhere := newReceiver(t, 0)
	r := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(r.Close)
	if err := (Webhook{URL: r.URL}).send(t.Context(), Notice{}); err == nil || len(elsewhere.posts) != 0 {
		t.Errorf("the notice went on: %v", err)
	}
}

func TestCommand(t *testing.T) {
	t.Setenv("APTFLEET_KEY_PASSPHRASE", "hush")
	out := filepath.Join(t.TempDir(), "out")
	script := `{ echo "$APTFLEET_ON $APTFLEET_ROLLOUT $APTFLEET_KEY_PASSPHRASE $1"; cat; } >` + out
	if err := (Command{"sh", "-c", script, "sh", "a b"}).send(t.Context(), Notice{On: Stuck, Rollout: "R7"}); err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(out)
	if err != nil || !strings.HasPrefix(string(said), "stuck R7  a b\n{") || !strings.Contains(string(said), `"rollout":"R7"`) {
		t.Errorf("the command was given %s, %v", said, err)
	}
	err = Command{"sh", "-c", "yes no | head -c 1000000; exit 3"}.send(t.Context(), Notice{})
	if err == nil || !strings.Contains(err.Error(), "exit status 3: no\nno") || len(err.Error()) > 2000 {
		t.Errorf("a command that fails: %.3000v", err)
	}
}

var someHosts = []inventory.HostName{"web1"}

// finish has the only host done, and the rollout over.
func finish(t *testing.T, w *journal.Writer) {
	t.Helper()
	for _, e := range []rollout.Event{
		{Kind: rollout.KindStep, Host: "web1", Attempt: 1, Step: "apt", Status: rollout.Doing},
		{Kind: rollout.KindStep, Host: "web1", Attempt: 1, Step: "apt", Status: rollout.Done},
		{Kind: rollout.KindResult, Host: "web1", Attempt: 1, Verdict: rollout.HostDone},
	} {
		if err := w.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestSkippedRuns: runs of schedules that were skipped or could not begin are told to those who want
// it, and other actions to nobody.
func TestSkippedRuns(t *testing.T) {
	wants, other := newReceiver(t, 1), newReceiver(t, 0)
	r := run(t, t.TempDir(),
		Target{Name: "wants", On: []On{Skipped, Failure}, Webhook: &Webhook{URL: wants.URL}},
		Target{Name: "other", On: []On{Begin}, Webhook: &Webhook{URL: other.URL}})
	for _, a := range []journal.Action{
		{By: "ada", Did: "publish", What: "shop-web 1.1 to stable"},
		{By: "root@deploy (1)", Did: journal.SkippedRun, What: "nightly", Error: "paused by ada\x1b[2J"},
		{By: "root@deploy (1)", Did: journal.FailedRun, What: "nightly", Error: "shop is on hold on web1"},
	} {
		if err := r.journal.Record(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	r.rollout(t)
	told := map[On]Notice{}
	for range 2 {
		n, _ := wants.next(t)
		told[n.On] = n
	}
	if n := told[Skipped]; n.Schedule != "nightly" || n.By != "root@deploy (1)" || n.Rollout != "" ||
		n.Text != `schedule nightly was skipped: paused by ada\x1b[2J` || !strings.HasPrefix(n.ID, "skip-2") {
		t.Errorf("told is %+v", n)
	}
	if n := told[Failure]; n.Schedule != "nightly" || n.Rollout != "" ||
		n.Text != "schedule nightly could not begin: shop is on hold on web1" || !strings.HasPrefix(n.ID, "fail-2") {
		t.Errorf("told is %+v", n)
	}
	if n, _ := other.next(t); n.On != Begin {
		t.Errorf("another target is told of %+v", n)
	}
}
