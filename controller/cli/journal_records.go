package cli

import (
	"context"
	"encoding/json"
	"iter"
	"sync"

	"github.com/aptfleet/aptfleet/controller/lease"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// records is what was done, as the commands show it: read from the journal, or
// asked of the daemon that has it.
type records interface {
	history(ctx context.Context) ([]historyLine, error) // newest first
	actions(ctx context.Context) ([]actionLine, error)  // newest first
	status(ctx context.Context, id rollout.ID) (statusLine, error)
	logs(ctx context.Context, id rollout.ID, host inventory.HostName) ([]logLine, error)
	// events yields those after the first few: to where the rollout is left if
	// somebody runs it, else to the last.
	events(ctx context.Context, id rollout.ID, after int) iter.Seq2[eventLine, error]
	// showProgress moves the bar as hosts get on, where they can be seen to, until stop.
	showProgress(ctx context.Context, id rollout.ID, bar *progress) (stop func())
}

// journalRecords reads the journal.
type journalRecords struct{ openJournal }

func (r journalRecords) history(ctx context.Context) ([]historyLine, error) {
	entries, err := r.List(ctx)
	lines := make([]historyLine, len(entries))
	for i, e := range entries {
		lines[i] = newHistoryLine(e)
	}
	return lines, err
}

func (r journalRecords) actions(ctx context.Context) ([]actionLine, error) {
	all, err := r.Actions(ctx)
	lines := make([]actionLine, len(all))
	for i, a := range all {
		lines[len(all)-1-i] = newActionLine(a)
	}
	return lines, err
}

func (r journalRecords) status(ctx context.Context, id rollout.ID) (statusLine, error) {
	state, err := r.Read(ctx, id)
	if err != nil {
		return statusLine{}, err
	}
	return newStatusLine(id, state), nil
}

func (r journalRecords) logs(ctx context.Context, id rollout.ID, host inventory.HostName) ([]logLine, error) {
	state, err := r.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, ok := state.Host(host); !ok {
		return nil, errNoPart(id, host)
	}
	logs, err := r.Logs(ctx, id, host)
	lines := make([]logLine, len(logs))
	for i, l := range logs {
		lines[i] = logLine{host, l.Job, string(l.Data), l.Gaps}
	}
	return lines, err
}

func (r journalRecords) events(ctx context.Context, id rollout.ID, after int) iter.Seq2[eventLine, error] {
	if r.bus.Embedded() { // and we have it, so nobody runs a rollout
		return r.eventsUntil(ctx, id, after, nil)
	}
	return func(yield func(eventLine, error) bool) {
		leases, err := lease.Open(ctx, r.bus, author())
		if err != nil {
			yield(eventLine{}, err)
			return
		}
		defer leases.Close()
		f := follower{r.openJournal, leases, func(rollout.ID) <-chan struct{} { return nil }}
		for l, err := range r.eventsUntil(ctx, id, after, f.until(id)) {
			if !yield(l, err) {
				return
			}
		}
	}
}

// showProgress shows nothing: who runs a rollout does.
func (journalRecords) showProgress(context.Context, rollout.ID, *progress) (stop func()) {
	return func() {}
}

// eventsUntil yields the events after the first few: to the last one once left
// returns, or by now if it is nil.
func (r journalRecords) eventsUntil(ctx context.Context, id rollout.ID, after int, left func(context.Context)) iter.Seq2[eventLine, error] {
	return func(yield func(eventLine, error) bool) {
		var waiting sync.WaitGroup
		defer waiting.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		state, err := r.Read(ctx, id)
		if err != nil {
			yield(eventLine{}, err)
			return
		}
		last := &end{last: state.Events, known: left == nil, stop: cancel}
		if left == nil && state.Events <= after {
			return
		}
		if left != nil {
			waiting.Go(func() { r.awaitEnd(ctx, id, left, last) })
		}
		for e, err := range r.Watch(ctx, id) {
			if (e.Number > after || err != nil) && !yield(newEventLine(e), err) || err != nil || last.seen(e.Number) {
				return
			}
		}
	}
}

// awaitEnd finds out how many events there are once left returns.
func (r journalRecords) awaitEnd(ctx context.Context, id rollout.ID, left func(context.Context), last *end) {
	left(ctx)
	if ctx.Err() != nil {
		return
	}
	state, err := r.Read(ctx, id)
	if err != nil {
		last.stop() // and there is nothing more to come
		return
	}
	last.is(state.Events)
}

// end is where a sequence of events ends, which may become known only later.
type end struct {
	stop func() // ends the wait for one more event

	mu       sync.Mutex
	last, at int
	known    bool
}

// is says which event is the last.
func (e *end) is(last int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last, e.known = last, true
	if e.at >= last {
		e.stop()
	}
}

// seen says that there was an event, and reports whether it is the last.
func (e *end) seen(n int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at = n
	return e.known && n >= e.last
}

// objects encodes lines for the API.
func objects[L line](lines []L, err error) ([]server.Object, error) {
	if err != nil {
		return nil, err
	}
	all := make([]server.Object, len(lines))
	for i, l := range lines {
		if all[i], err = encode(l); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// withRecords calls fn with the records of the installation.
func (a *app) withRecords(ctx context.Context, fn func(records) error) error {
	in, err := a.installation()
	if err != nil {
		return err
	}
	return in.withRecords(ctx, fn)
}

func (in *installation) withRecords(ctx context.Context, fn func(records) error) error {
	if c := in.client(ctx); c != nil {
		return fn(c)
	}
	return in.withJournal(ctx, func(j openJournal) error { return fn(journalRecords{j}) })
}

// withRollout calls fn with the rollout that the arguments name, which is the
// last one where they name none.
func (a *app) withRollout(ctx context.Context, args []string, fn func(records, rollout.ID) error) error {
	return a.withRecords(ctx, func(r records) error {
		if len(args) > 0 {
			id, err := rollout.ParseID(args[0])
			if err != nil {
				return &exitError{exitUsage, err}
			}
			return fn(r, id)
		}
		all, err := r.history(ctx)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			a.say("there is no rollout yet")
			return nil // as for history, which then has nothing either
		}
		return fn(r, all[0].ID)
	})
}

// decodeAll reads what objects encoded.
func decodeAll[L line](all []server.Object) ([]L, error) {
	lines := make([]L, len(all))
	for i, o := range all {
		if err := json.Unmarshal(o, &lines[i]); err != nil {
			return nil, err
		}
	}
	return lines, nil
}
