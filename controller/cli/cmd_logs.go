package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// logLine is what one job said on a host.
type logLine struct {
	Host inventory.HostName `json:"host"`
	Job  string             `json:"job"`
	Log  string             `json:"log"`
	Gaps int                `json:"gaps,omitempty"` // places where bytes are missing
}

func (logLine) kind() string { return "log" }

func (l logLine) text(w io.Writer) {
	fmt.Fprint(w, printable(l.Log))
	if l.Gaps > 0 {
		fmt.Fprintf(w, "(parts are missing; the host has them in /var/lib/aptfleet/jobs/%s/log)\n", l.Job)
	}
}

func (a *app) logsCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "logs ROLLOUT HOST",
		Short:             "Print what apt said on a host",
		Example:           `  aptfleet logs R42 web07`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: after(1, a.completeHost),
		RunE: func(cmd *cobra.Command, args []string) error {
			host := inventory.HostName(args[1])
			return a.withRollout(cmd.Context(), args[:1], func(r records, id rollout.ID) error {
				logs, err := r.logs(cmd.Context(), id, host)
				if err != nil {
					return err
				}
				return printAll(a, logs)
			})
		},
	}
}

// errNoPart is the error of one who asks for a host that is none of a rollout's.
func errNoPart(id rollout.ID, host inventory.HostName) error {
	return usageErrorf("%s took no part in %s", host, id)
}
