package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/inventory"
)

// checkLine is what doctor found of one thing.
type checkLine struct {
	Check string `json:"check"` // inventory, key, repository, bus, certificates, clock, hosts
	OK    bool   `json:"ok"`
	Found string `json:"found,omitempty"` // what was found, or what is to be mended
}

func (checkLine) kind() string { return "check" }

func (c checkLine) text(w io.Writer) {
	state := "ok"
	if !c.OK {
		state = "MEND"
	}
	fmt.Fprintf(w, "%-12s %-5s %s\n", c.Check, state, printable(c.Found))
}

func (a *app) doctorCommand() *cobra.Command {
	var selector string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check this installation, and say what to mend",
		Long: `Check this installation: its inventory, the signing key, the whole repository, the
bus with its state folder or cluster, the certificates of the API and the agents'
door, of which it tells two weeks before they end, and the clock; with --hosts also
that hosts can be reached. Nothing is changed. The exit status is 1 if something is
to be mended.`,
		Example: `  aptfleet doctor --hosts array_of_new_webapps`,
		Args:    cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, _ []string, in *installation) error {
			return in.examine(cmd.Context(), selector)
		}),
	}
	a.selectorFlag(cmd, &selector, "hosts", "check too that the hosts of this `selector` can be reached")
	return cmd
}

// check is one thing that doctor looks at.
type check struct {
	name string
	look func(context.Context) (found string, err error)
}

// examine looks at one thing after the other, and prints what it finds.
func (in *installation) examine(ctx context.Context, selector string) error {
	checks := []check{
		{"inventory", in.examineInventory}, {"key", in.examineKey}, {"repository", in.examineRepository},
		{"bus", in.examineBus}, {"certificates", in.examineCertificates}, {"clock", examineClock},
	}
	if selector != "" {
		checks = append(checks, check{"hosts", func(ctx context.Context) (string, error) { return in.examineHosts(ctx, selector) }})
	}
	bad := false
	for _, c := range checks {
		found, err := c.look(ctx)
		line := checkLine{Check: c.name, OK: err == nil, Found: found}
		if err != nil {
			line.Found, bad = err.Error(), true
		}
		if err := in.app.print(line); err != nil {
			return err
		}
	}
	if bad {
		return failed(exitBegin)
	}
	return nil
}

func (in *installation) examineInventory(context.Context) (string, error) {
	hosts, err := in.allHosts()
	return inventory.Count(len(hosts)), err
}

func (in *installation) examineKey(context.Context) (string, error) {
	_, err := in.keys()
	return in.Repository.Key, err
}

func (in *installation) examineRepository(ctx context.Context) (string, error) {
	if _, err := in.readRepository(); err != nil {
		return "", err // and is not made by looking at it
	}
	repository, err := in.repository(ctx)
	if err == nil {
		err = repository.Verify(ctx)
	}
	return in.Repository.Root + " is sound", err
}

// examineBus opens the bus. That another process of ours has it is as it should
// be: it did the same.
func (in *installation) examineBus(ctx context.Context) (string, error) {
	b, err := bus.Open(ctx, bus.Options{State: in.State, Log: in.app.log, Cluster: in.cluster()})
	if locked, is := errors.AsType[*bus.LockedError](err); is {
		return fmt.Sprintf("%s is in use by process %d (%s)", locked.State, locked.PID, locked.Command), nil
	}
	if err != nil {
		return "", err
	}
	nodes, err := b.Nodes(ctx)
	lost, appended, counted := journal.New(b, author()).Lost(ctx)
	if err := errors.Join(err, counted, b.Close()); err != nil {
		return "", err
	}
	if lost > 0 {
		return "", fmt.Errorf("the store in %s is damaged: %d of %d events of the journal are lost", in.store(), lost, appended)
	}
	if len(nodes) == 0 {
		return in.State + " is sound", nil
	}
	size := 0
	for _, n := range nodes {
		size = max(size, n.Size)
	}
	if len(nodes) < size {
		return "", fmt.Errorf("%d of the %d nodes of the cluster are down", size-len(nodes), size)
	}
	return fmt.Sprintf("%d nodes, which sync always", size), nil
}

// examineClock asks the kernel whether something keeps the clock right
// (adjtimex(2)): times in reports, certificates and schedules depend on it.
func examineClock(context.Context) (string, error) {
	state, err := unix.Adjtimex(&unix.Timex{})
	if err != nil {
		return "", fmt.Errorf("cannot ask for the clock: %w", err)
	}
	const unsynchronized = 5 // TIME_ERROR
	if state == unsynchronized {
		return "", errors.New("nothing keeps the clock of this machine right: install systemd-timesyncd or chrony")
	}
	return "is kept right", nil
}

func (in *installation) examineHosts(ctx context.Context, selector string) (string, error) {
	hosts, err := in.hosts(ctx, selector)
	if err != nil {
		return "", err
	}
	fleet, err := in.fleet(remote.Options{})
	if err != nil {
		return "", err
	}
	defer fleet.Close()
	results := engine.EachHost(ctx, hosts, in.Rollout.Parallel, func(h inventory.Host) engine.Result {
		link := fleet.Link(h)
		defer link.Close()
		_, err := link.Run(ctx, remote.Command{Argv: []string{"true"}})
		return engine.Result{Host: h.Name, Err: err}
	})
	return fmt.Sprintf("%d can be reached", len(hosts)), failures(results)
}
