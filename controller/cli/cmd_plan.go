package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// planLine is what apt would do on the hosts where it would do the same.
type planLine struct {
	Hosts    []inventory.HostName `json:"hosts"`
	Changes  []changeLine         `json:"changes,omitempty"`
	Deferred []changeLine         `json:"deferred,omitempty"`  // not made: held back by phasing
	KeptBack []changeLine         `json:"kept_back,omitempty"` // not made: a hold or a dependency is against it
	Same     rollout.Versions     `json:"unchanged,omitempty"`
	Held     []string             `json:"held,omitempty"`
	Download int64                `json:"download"` // bytes, of the host that fetches most
	Disk     int64                `json:"disk"`     // bytes that it then takes
	Free     int64                `json:"free,omitempty"`
	Damaged  []string             `json:"damaged,omitempty"` // packages that dpkg has not finished with
	Trouble  string               `json:"trouble,omitempty"` // why there is no plan
}

// changeLine is what becomes of one package.
type changeLine struct {
	Package string             `json:"package"`
	Old     string             `json:"old,omitempty"`
	New     string             `json:"new,omitempty"`
	Kind    rollout.ChangeKind `json:"kind"`
}

func (l changeLine) String() string {
	return rollout.Change{Package: l.Package, Old: l.Old, New: l.New}.String()
}

func newPlanLine(g rollout.Group) planLine {
	return planLine{
		Hosts: g.Hosts, Changes: newChangeLines(g.Changes), Deferred: newChangeLines(g.Deferred), KeptBack: newChangeLines(g.KeptBack),
		Same: g.Unchanged, Held: g.Held, Download: g.Download, Disk: g.Disk, Free: g.Free, Damaged: g.Damaged, Trouble: g.Trouble,
	}
}

func newChangeLines(changes []rollout.Change) (l []changeLine) {
	for _, c := range changes {
		l = append(l, changeLine{c.Package, c.Old, c.New, c.Kind()})
	}
	return l
}

func (planLine) kind() string { return "plan" }

// maxHosts is how many hosts of a group are named.
const maxHosts = 6

// someHosts names the first of the hosts, and counts the others.
func someHosts(hosts []inventory.HostName) string {
	names := make([]string, 0, maxHosts+1)
	for _, h := range hosts[:min(len(hosts), maxHosts)] {
		names = append(names, string(h))
	}
	if more := len(hosts) - maxHosts; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

func (l planLine) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", inventory.Count(len(l.Hosts)), someHosts(l.Hosts))
	switch {
	case l.Trouble != "":
		fmt.Fprintf(w, "  NO PLAN  %s\n", printable(l.Trouble))
	case len(l.Changes) == 0 && len(l.Damaged) == 0:
		fmt.Fprintln(w, "  nothing to change"+l.same())
	default:
		l.textChanges(w)
	}
	textLeft(w, "held back by phasing", l.Deferred)
	textLeft(w, "kept back", l.KeptBack)
}

// textLeft says what an upgrade of everything leaves as it is, and why.
func textLeft(w io.Writer, why string, left []changeLine) {
	for _, c := range left {
		fmt.Fprintf(w, "  %s: %s\n", why, printable(c.String()))
	}
}

// same names what was asked for and is there.
func (l planLine) same() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(l.Same)) {
		words = append(words, " "+name+" "+l.Same[name])
	}
	if len(words) == 0 {
		return ""
	}
	return ":" + printable(strings.Join(words, ","))
}

func (l planLine) textChanges(w io.Writer) {
	for _, c := range l.Changes {
		change := c.String()
		if c.Kind == rollout.Downgrade {
			change += " (downgrade)"
		}
		fmt.Fprintf(w, "  %s\n", printable(change))
	}
	if len(l.Damaged) > 0 {
		fmt.Fprintf(w, "  TO MEND  %s\n", printable(strings.Join(l.Damaged, ", ")))
	}
	if len(l.Held) > 0 {
		fmt.Fprintf(w, "  ON HOLD  %s\n", printable(strings.Join(l.Held, ", ")))
	}
	fmt.Fprintf(w, "  to fetch %s, then %s of disk", size(l.Download), size(l.Disk))
	if l.Free > 0 {
		fmt.Fprintf(w, ", of %s free", size(l.Free))
	}
	fmt.Fprintln(w)
}

// size writes bytes for people.
func size(bytes int64) string {
	units := []string{"B", "kB", "MB", "GB"}
	n, unit := float64(bytes), 0
	for ; unit < len(units)-1 && (n >= 1000 || n <= -1000); unit++ {
		n /= 1000
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", n, units[unit])
}

func (a *app) planCommand() *cobra.Command {
	var o rolloutOptions
	cmd := &cobra.Command{
		Use:   "plan PACKAGE[=VERSION]... --to SELECTOR",
		Short: "Show what a rollout would change on every host",
		Long: `Show what a rollout would change on every host, with exact versions, grouped by
identical change: the lists of our repository are refreshed and apt is asked;
nothing else is done. Removals, downgrades and packages on hold are named, and so
is what an upgrade of everything leaves as it is: held back by phasing, where the
host's turn in a phased update has not come, or kept back, by a hold or a
dependency. The exit status is 3 if there is a host for which there is no plan.

` + selectorHelp,
		Example: `  aptfleet plan shop-web --suite stable --to array_of_new_webapps
  aptfleet plan --mode dist-upgrade --to all --json`,
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			if c := in.client(cmd.Context()); c != nil {
				return c.showPlan(cmd.Context(), args, o)
			}
			spec, hosts, err := in.specFor(cmd.Context(), args, o)
			if err != nil {
				return err
			}
			return in.showPlan(cmd.Context(), spec, hosts)
		}),
	}
	a.planFlags(cmd, &o)
	return cmd
}

// showPlan plans, prints the groups of the plan, and returns the command's error.
func (in *installation) showPlan(ctx context.Context, spec rollout.Spec, hosts []inventory.Host) error {
	return in.withConnections(hosts, func(r *connections) error {
		plan, err := in.plan(ctx, r, spec, hosts)
		if err != nil {
			return err
		}
		if err := in.showGroups(plan); err != nil {
			return err
		}
		if slices.ContainsFunc(plan.Groups, func(g rollout.Group) bool { return g.Trouble != "" }) {
			return failed(exitFailed)
		}
		return nil
	})
}
