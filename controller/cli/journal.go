package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/journal"
)

// openJournal is the journal and the bus that it is on.
type openJournal struct {
	*journal.Journal
	bus *bus.Bus
}

// Close gives the state folder back.
func (j openJournal) Close() error { return j.bus.Close() }

// journal opens the journal of the installation, which one process at a time
// can have.
func (in *installation) journal(ctx context.Context) (openJournal, error) {
	return in.openJournal(ctx, bus.Options{State: in.State, Log: in.app.log})
}

// cluster is the bus elsewhere; nil is none.
func (in *installation) cluster() *bus.Cluster {
	if len(in.Bus.URL) == 0 {
		return nil
	}
	return &bus.Cluster{Nodes: in.Bus.URL, Credentials: in.Bus.Credentials, CA: in.Bus.CA}
}

func (in *installation) openJournal(ctx context.Context, o bus.Options) (openJournal, error) {
	o.Cluster = in.cluster()
	b, err := bus.Open(ctx, o)
	if err != nil {
		return openJournal{}, err
	}
	j := openJournal{journal.New(b, author()), b}
	if err := in.warnDamaged(ctx, j); err != nil {
		return openJournal{}, errors.Join(err, j.Close())
	}
	return j, nil
}

// warnDamaged has the log say that the store is damaged. What is left in it can be used:
// each rollout that lacks an event in its middle says so itself, and the hosts know what
// was done to them.
func (in *installation) warnDamaged(ctx context.Context, j openJournal) error {
	lost, appended, err := j.Lost(ctx)
	if err == nil && lost > 0 {
		in.app.log.Error("the store is damaged: events of the journal are lost", "state", in.store(), "lost", lost, "of", appended)
	}
	return err
}

// store names where the journal is.
func (in *installation) store() string {
	if len(in.Bus.URL) > 0 {
		return strings.Join(in.Bus.URL, ",")
	}
	return in.State
}

// recorded keeps what this process has done, as the daemon does of what it is asked for,
// and returns how it ended.
func (j openJournal) recorded(ctx context.Context, did, what string, err error) error {
	a := journal.Action{By: author(), Did: did, What: what, Error: text(err)}
	if errors.Is(err, errQuiet) { // they were named one by one
		a.Error = "some hosts failed"
	}
	return errors.Join(err, j.Record(context.WithoutCancel(ctx), a))
}

// checkUnlocked returns an error if another process has the journal, so that a person hears
// of it before being asked, and not after.
func (in *installation) checkUnlocked() error {
	if in.request != nil || in.cluster() != nil {
		return nil
	}
	return bus.Free(in.State)
}

// withJournal calls fn with the journal: the daemon's, where it runs in one.
func (in *installation) withJournal(ctx context.Context, fn func(openJournal) error) error {
	if in.request != nil {
		return fn(in.request.daemon.journal)
	}
	j, err := in.journal(ctx)
	if err != nil {
		return err
	}
	return errors.Join(fn(j), j.Close())
}

// author names this process in the journal: ada@deploy (4711). Behind sudo it
// is the person, not root.
func author() string {
	name := os.Getenv("SUDO_USER")
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "unknown"
	}
	return fmt.Sprintf("%s@%s (%d)", name, machine, os.Getpid())
}
