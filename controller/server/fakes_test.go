package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/access"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/packaging/aptrepo"
)

// installation is a small one, in memory, with one rollout, R7.
type installation struct {
	mu       sync.Mutex
	actions  []journal.Action
	did      []string
	uploaded []string    // the packages of the last upload
	more     chan Object // events of R7 that come while it is followed
	known    access.Tokens
}

// tokensNow returns the tokens that count, and changes them with change, if that is not nil.
func (in *installation) tokensNow(change func(access.Token) access.Token) access.Tokens {
	in.mu.Lock()
	defer in.mu.Unlock()
	if change != nil {
		var changed access.Tokens
		for _, token := range in.known {
			changed = append(changed, change(token))
		}
		in.known = changed
	}
	return in.known
}

func (in *installation) note(format string, args ...any) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.did = append(in.did, fmt.Sprintf(format, args...))
}

func (in *installation) done() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.did)
}

func (in *installation) recorded() []journal.Action {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.actions)
}

func (in *installation) Record(_ context.Context, a journal.Action) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.actions = append(in.actions, a)
	return nil
}

func (in *installation) Actions(context.Context) ([]Object, error) {
	var all []Object
	for _, a := range in.recorded() {
		all = append(all, object("action", "time", time.Now(), "by", a.By, "did", a.Did, "what", a.What))
	}
	return all, nil
}

// object makes an Object of a type and pairs of keys and values.
func object(kind string, pairs ...any) Object {
	values := map[string]any{"type": kind}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i].(string)] = pairs[i+1]
	}
	data, err := json.Marshal(values)
	if err != nil {
		panic(err)
	}
	return data
}

type rollouts struct{ *installation }

func (rollouts) List(context.Context) ([]Object, error) {
	return []Object{object("history", "id", "R7")}, nil
}

func (rollouts) Show(_ context.Context, id rollout.ID) (Object, error) {
	if id != "R7" {
		return nil, fmt.Errorf("cannot read %s: %w", id, journal.ErrNotFound)
	}
	return object("rollout", "id", id, "phase", "open", "mode", "install", "selector", "web", "who", "ada", "created", time.Now(),
		"exit_status", 0, "summary", map[string]int{"done": 1}, "hosts", []any{}), nil
}

func (r rollouts) Events(ctx context.Context, id rollout.ID, after int, follow bool) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if id != "R7" {
			yield(nil, fmt.Errorf("cannot watch %s: %w", id, journal.ErrNotFound))
			return
		}
		for n := after + 1; n <= 3; n++ {
			if !yield(object("event", "sequence", n), nil) {
				return
			}
		}
		for follow {
			select {
			case o := <-r.more:
				if o == nil {
					yield(nil, errors.New("the journal of R7 is damaged"))
					return
				}
				if !yield(o, nil) {
					return
				}
			case <-ctx.Done():
				r.note("no longer followed")
				return
			}
		}
	}
}

func (rollouts) Progress(_ context.Context, id rollout.ID) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if id != "R7" {
			yield(nil, fmt.Errorf("cannot read %s: %w", id, journal.ErrNotFound))
			return
		}
		yield(object("progress", "host", "web1", "percent", 40), nil)
	}
}

func (rollouts) Logs(_ context.Context, id rollout.ID, host inventory.HostName) ([]Object, error) {
	if host != "web1" {
		return nil, &Problem{Status: http.StatusNotFound, Host: string(host), Detail: string(host) + " took no part in " + string(id)}
	}
	return []Object{object("log", "host", host, "job", "j", "log", "text")}, nil
}

// validate refuses what no rollout can be.
func validate(ask RolloutRequest) error {
	spec := rollout.Spec{
		Mode: rollout.Mode(cmp.Or(ask.Mode, string(rollout.DistUpgrade))), Reboot: rollout.Reboot(ask.Reboot), Hosts: []inventory.HostName{"web1"},
		Policy: rollout.Policy{Parallel: 1, OnFailure: rollout.OnFailure(ask.OnFailure)},
	}
	if err := spec.Validate(); err != nil {
		return BadRequest("", err)
	}
	return nil
}

func (rollouts) Plan(_ context.Context, _ string, ask RolloutRequest) (Planned, error) {
	if err := validate(ask); err != nil {
		return Planned{}, err
	}
	return Planned{Plan: "abc", Groups: []Object{object("plan", "hosts", []string{"web1"})}, Changing: 1}, nil
}

func (r rollouts) Create(_ context.Context, by string, ask RolloutRequest) (rollout.ID, error) {
	if ask.To == "nobody" {
		return "", BadRequest("to", errors.New(`to: there is no "nobody"`))
	}
	if err := validate(ask); err != nil {
		return "", err
	}
	r.note("%s: create %v to %s", by, ask.Packages, ask.To)
	return "R7", nil
}

func (r rollouts) Decide(_ context.Context, by string, id rollout.ID, what Decision) error {
	r.note("%s: %s %s %v %s", by, what.Verb, id, what.Hosts, what.To)
	return nil
}

type hosts struct{ *installation }

func (hosts) Hosts(context.Context, string) ([]Object, error) {
	return []Object{object("host", "host", "web1", "address", "web1", "port", 22, "groups", []string{"web"})}, nil
}

// Ping of the host "slow" ends with its caller.
func (h hosts) Ping(ctx context.Context, selector string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		_ = yield(object("ping", "host", "web1", "ok", true, "took", 0.1), nil) &&
			yield(object("ping", "host", "web2", "ok", false, "error", "web2: no route"), nil)
		if selector == "slow" {
			<-ctx.Done()
			h.note("no longer pinged")
		}
	}
}

func (h hosts) Enroll(_ context.Context, by string, ask EnrollRequest) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		h.note("%s: enroll %s", by, ask.Selector)
		yield(object("enrolled", "host", "web1", "result", "written"), nil)
	}
}

type agents struct{ *installation }

func (agents) Health(context.Context, string) ([]Object, error) {
	return []Object{object("health", "host", "web1")}, nil
}

func (a agents) Forget(_ context.Context, by string, host inventory.HostName) error {
	a.note("%s: forget %s", by, host)
	return nil
}

type repository struct{ *installation }

var shop = object("package", "suite", "stable", "package", "shop-web", "version", "1.1", "architecture", "amd64", "size", 1, "sha256", "x")

func (repository) Packages(suite string) ([]Object, error) {
	if suite == "none" {
		return nil, fmt.Errorf("cannot list none: %w", aptrepo.ErrNoSuite)
	}
	return []Object{shop}, nil
}

func (r repository) Publish(_ context.Context, suite string, files []string) (published []Object, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.uploaded = nil
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		r.uploaded = append(r.uploaded, string(data))
		published = append(published, shop)
		if suite == "taken" {
			return nil, fmt.Errorf("cannot publish %s: %w", file, aptrepo.ErrConflict)
		}
	}
	return published, nil
}

func (repository) Sign(context.Context) error { return nil }

func (repository) Promote(context.Context, string, string, string, string) ([]Object, error) {
	return []Object{shop}, nil
}

func (repository) Remove(context.Context, string, string, string) error { return nil }

func (repository) Prune(context.Context, int) ([]Object, error) {
	return []Object{object("pruned", "file", "pool/x.deb")}, nil
}

func (repository) Faults(context.Context) ([]string, error) { return nil, nil }

type schedules struct{ *installation }

func (schedules) List(context.Context) ([]Object, error) {
	return []Object{object("schedule", "name", "nightly")}, nil
}

func (s schedules) Run(_ context.Context, by, name string) error {
	s.note("%s: run %s", by, name)
	return nil
}

func (s schedules) Pause(_ context.Context, by, name string) error {
	s.note("%s: pause %s", by, name)
	return nil
}

func (s schedules) Continue(_ context.Context, by, name string) error {
	s.note("%s: continue %s", by, name)
	return nil
}

// running is a server with its listeners: a socket, and TCP with TLS.
type running struct {
	*installation
	remote, local *checked
	address       string
	scratch       string
	log           *bytes.Buffer
	tokens        map[string]string // by role, and "expired"
	stop          func()
}

func start(t *testing.T) running {
	t.Helper()
	in := &installation{more: make(chan Object)}
	r := running{installation: in, scratch: t.TempDir(), log: &bytes.Buffer{}, tokens: map[string]string{}}
	for _, role := range []string{"viewer", "operator", "admin", "expired"} {
		secret, hash := access.NewSecret()
		r.tokens[role] = secret
		token := access.Token{Name: role, Role: access.Role(role), Hash: hash}
		if role == "expired" {
			token.Role, token.Expires = access.Admin, time.Now().Add(-time.Second)
		}
		in.known = append(in.known, token)
	}
	s := New(Options{
		Version: object("version", "version", "1"), Rollouts: rollouts{in}, Hosts: hosts{in}, Agents: agents{in}, Repository: repository{in},
		Schedules: schedules{in}, History: in, Tokens: func() access.Tokens { return in.tokensNow(nil) }, Scratch: r.scratch,
		Metrics: NewMetrics(map[string]Measure{"journal": in.measure}), Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	r.listen(t, s)
	return r
}

func (in *installation) measure(context.Context) (func(*Measures), error) {
	age, agents, appended := 3*time.Second, 4, uint64(99)
	return func(m *Measures) {
		*m = Measures{Rollouts: map[string]int{"running": 2}, Hosts: map[string]int{"healthy": 5}, Agents: &agents, OldestAge: &age, Appended: &appended,
			Schedules: []ScheduleTimes{{Name: "nightly", Next: time.Unix(1800000000, 0)}}}
	}, nil
}

// listen opens the listeners of s, with a certificate of httptest's.
func (r *running) listen(t *testing.T, s *Server) {
	t.Helper()
	borrowed := httptest.NewUnstartedServer(nil)
	borrowed.StartTLS()
	t.Cleanup(borrowed.Close)
	socket := filepath.Join(r.scratch, "api.sock")
	local, err := ListenLocal(socket)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.address = tcp.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Serve(ctx, Listeners{Local: local, Remote: tlsListener(tcp, borrowed)})
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	r.remote = newChecked(t, borrowed.Client(), "https://"+r.address)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	r.local = newChecked(t, &http.Client{Transport: &http.Transport{DialContext: dial}}, "http://aptfleet")
}
