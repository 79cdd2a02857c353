package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/inventory"
)

// enrolledLine is what enrolling did to one host.
type enrolledLine struct {
	Host   inventory.HostName `json:"host"`
	Result steps.Enrolled     `json:"result,omitempty"` // unchanged, repaired, written
	Agent  steps.Enrolled     `json:"agent,omitempty"`  // likewise, where agents are enrolled
	Error  string             `json:"error,omitempty"`
}

func (enrolledLine) kind() string { return "enrolled" }

func (e enrolledLine) text(w io.Writer) {
	if e.Error != "" {
		fmt.Fprintf(w, "%-24s FAILED       %s\n", e.Host, e.Error)
		return
	}
	agent := ""
	if e.Agent != "" {
		agent = ", agent " + string(e.Agent)
	}
	fmt.Fprintf(w, "%-24s %s%s\n", e.Host, e.Result, agent)
}

// enrollOptions are the flags of enroll.
type enrollOptions struct {
	suites []string
	agents bool
	yes    bool
}

func (a *app) enrollCommand() *cobra.Command {
	var o enrollOptions
	cmd := &cobra.Command{
		Use:   "enroll SELECTOR",
		Short: "Give hosts the repository and its key, and an agent",
		Long: `Write the apt source of the repository, with its public key in it, to every host
as /etc/apt/sources.list.d/aptfleet.sources. Run again, it repairs what differs
and changes nothing else; run it after a new signing key has joined the old one.

Hosts get all suites of the configuration unless --suite names theirs. A plain
"apt upgrade" on a host takes the newest version of any suite that it has, so
give hosts in production only their own.

Where the configuration says where agents report, [bus] listen or url, hosts get the
agent too: the package aptfleet-agent from the repository, an identity of their
own, of which the private key never leaves them, and the probes that the inventory
has for them, which are put right when the inventory changes. Targets that are
chroots get none: an agent looks at a machine.

` + selectorHelp,
		Example: `  aptfleet enroll array_of_new_webapps --suite stable`,
		Args:    cobra.MatchAll(cobra.ExactArgs(1), notEmpty),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			ask := server.EnrollRequest{Selector: args[0], Suites: o.suites}
			if cmd.Flags().Changed("agent") {
				ask.Agent = &o.agents
			}
			o.agents = in.bringsAgents(ask.Agent)
			if c := in.client(cmd.Context()); c != nil {
				return c.enroll(cmd.Context(), ask, o.yes)
			}
			return in.enrollAll(cmd.Context(), args[0], o)
		}),
		ValidArgsFunction: a.completeSelector,
	}
	cmd.Flags().StringArrayVar(&o.suites, "suite", nil, "`suite` that the hosts see; may be repeated (default: all)")
	complete(cmd, "suite", a.completeSuite)
	cmd.Flags().BoolVar(&o.agents, "agent", false, "bring the agent too (default: if the configuration says where it reports)")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

// bringsAgents reports whether hosts get an agent: where nobody says it, if
// the bus listens to them.
func (in *installation) bringsAgents(asked *bool) bool {
	if asked != nil {
		return *asked
	}
	return len(in.Bus.Agents()) > 0
}

// enrollAll enrolls the hosts that a selector picks.
func (in *installation) enrollAll(ctx context.Context, selector string, o enrollOptions) error {
	hosts, err := in.hosts(ctx, selector)
	if err != nil {
		return err
	}
	source, err := in.aptSource(ctx, o)
	if err == nil && o.agents {
		err = in.checkUnlocked()
	}
	if err != nil {
		return err
	}
	if !o.yes {
		if err := in.app.confirm(ctx, "enroll", len(hosts)); err != nil {
			return err
		}
	}
	if !o.agents {
		return in.enroll(ctx, hosts, source, nil)
	}
	return in.withJournal(ctx, func(j openJournal) error {
		agents, err := in.agents(ctx, j.bus)
		if err != nil {
			return err
		}
		return j.recorded(ctx, "enroll", selector, in.enroll(ctx, hosts, source, agents))
	})
}

// aptSource returns the text of the apt source that hosts get, once it is known that
// they can be enrolled.
func (in *installation) aptSource(ctx context.Context, o enrollOptions) ([]byte, error) {
	if o.agents && len(in.Bus.Agents()) == 0 {
		return nil, errors.New("cannot enroll agents: " + in.Path + ": bus.listen does not say where they report to")
	}
	if in.Repository.URL == "" {
		return nil, errors.New("cannot enroll hosts: " + in.Path + ": repository.url does not say how they reach the repository")
	}
	repository, err := in.repository(ctx)
	if err != nil {
		return nil, err
	}
	suites := o.suites
	if len(suites) == 0 {
		suites = repository.Suites()
	}
	if o.agents {
		if err := checkAgentPackage(repository, suites); err != nil {
			return nil, err
		}
	}
	return repository.Source(in.Repository.URL, suites...)
}

// enroll gives all hosts the apt source, and an agent if there is any.
func (in *installation) enroll(ctx context.Context, hosts []inventory.Host, source []byte, agents *agents) error {
	fleet, err := in.fleet(remote.Options{})
	if err != nil {
		return err
	}
	defer fleet.Close()
	return in.app.eachHost(ctx, hosts, in.Rollout.Parallel, func(ctx context.Context, h inventory.Host) hostReport {
		return enrollHost(ctx, fleet.Link(h), source, agents)
	})
}

// enrollHost gives one host the apt source, and an agent if there is any.
func enrollHost(ctx context.Context, link *remote.Link, source []byte, agents *agents) hostReport {
	defer link.Close()
	h := link.Host()
	line := enrolledLine{Host: h.Name}
	var err error
	if line.Result, err = steps.Enroll(ctx, link, source); err == nil && agents != nil && h.Chroot == "" {
		line.Agent, err = agents.enroll(ctx, link, h)
	}
	line.Error = text(err)
	return hostReport{line, err}
}
