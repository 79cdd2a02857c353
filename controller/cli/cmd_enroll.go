package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/inventory"
)

// enrolledLine is what enrolling did to one host.
type enrolledLine struct {
	Host   inventory.HostName `json:"host"`
	Result steps.Enrolled     `json:"result,omitempty"` // unchanged, repaired, written
	Error  string             `json:"error,omitempty"`
}

func (enrolledLine) kind() string { return "enrolled" }

func (e enrolledLine) text(w io.Writer) {
	if e.Error != "" {
		fmt.Fprintf(w, "%-24s FAILED       %s\n", e.Host, e.Error)
		return
	}
	fmt.Fprintf(w, "%-24s %s\n", e.Host, e.Result)
}

func (a *app) enrollCommand() *cobra.Command {
	var suites []string
	var yes bool
	cmd := &cobra.Command{
		Use:   "enroll SELECTOR",
		Short: "Give hosts the repository: its apt source and its key",
		Long: `Write the apt source of the repository, with its public key in it, to every host
as /etc/apt/sources.list.d/aptfleet.sources. Run again, it repairs what differs
and changes nothing else; run it after a new signing key has joined the old one.

Hosts get all suites of the configuration unless --suite names theirs. A plain
"apt upgrade" on a host takes the newest version of any suite that it has, so
give hosts in production only their own.

` + selectorHelp,
		Example: `  aptfleet enroll array_of_new_webapps --suite stable`,
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			hosts, err := in.hosts(args[0])
			if err != nil {
				return err
			}
			source, err := in.source(cmd.Context(), suites)
			if err != nil {
				return err
			}
			if !yes {
				if err := a.confirm("enroll", len(hosts)); err != nil {
					return err
				}
			}
			return in.enroll(cmd.Context(), hosts, source)
		}),
		ValidArgsFunction: a.completeSelector,
	}
	cmd.Flags().StringArrayVar(&suites, "suite", nil, "`suite` that the hosts see; may be repeated (default: all)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// source returns the text of the apt source that hosts get.
func (in *installation) source(ctx context.Context, suites []string) ([]byte, error) {
	if in.Repository.URL == "" {
		return nil, errors.New("cannot enroll hosts: " + in.Path + ": repository.url does not say how they reach the repository")
	}
	repository, err := in.repository(ctx)
	if err != nil {
		return nil, err
	}
	if len(suites) == 0 {
		suites = repository.Suites()
	}
	return repository.Source(in.Repository.URL, suites...)
}

// enroll gives all hosts the apt source.
func (in *installation) enroll(ctx context.Context, hosts []inventory.Host, source []byte) error {
	fleet, err := in.fleet(remote.Options{})
	if err != nil {
		return err
	}
	defer fleet.Close()
	return in.app.eachHost(ctx, hosts, in.Rollout.Parallel, func(ctx context.Context, h inventory.Host) hostReport {
		link := fleet.Link(h)
		defer link.Close()
		did, err := steps.Enroll(ctx, link, source)
		return hostReport{enrolledLine{h.Name, did, text(err)}, err}
	})
}
