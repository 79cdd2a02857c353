package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/inventory"
)

// planLine is what apt would do on the hosts where it would do the same.
type planLine struct {
	Hosts    []inventory.HostName `json:"hosts"`
	Changes  []changeLine         `json:"changes,omitempty"`
	Held     []string             `json:"held,omitempty"`
	Download int64                `json:"download"` // bytes, of the host that fetches most
	Disk     int64                `json:"disk"`     // bytes that it then takes
	Free     int64                `json:"free,omitempty"`
	Trouble  string               `json:"trouble,omitempty"` // why there is no plan
}

// changeLine is what becomes of one package.
type changeLine struct {
	Package string             `json:"package"`
	Old     string             `json:"old,omitempty"`
	New     string             `json:"new,omitempty"`
	Kind    rollout.ChangeKind `json:"kind"`
}

func newPlanLine(g rollout.Group) planLine {
	l := planLine{Hosts: g.Hosts, Held: g.Held, Download: g.Download, Disk: g.Disk, Free: g.Free, Trouble: g.Trouble}
	for _, c := range g.Changes {
		l.Changes = append(l.Changes, changeLine{c.Package, c.Old, c.New, c.Kind()})
	}
	return l
}

func (planLine) kind() string { return "plan" }

// mostHosts is how many hosts of a group are named.
const mostHosts = 6

func (l planLine) text(w io.Writer) {
	names := make([]string, 0, mostHosts+1)
	for _, h := range l.Hosts[:min(len(l.Hosts), mostHosts)] {
		names = append(names, string(h))
	}
	if more := len(l.Hosts) - mostHosts; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	fmt.Fprintf(w, "%d hosts: %s\n", len(l.Hosts), strings.Join(names, ", "))
	switch {
	case l.Trouble != "":
		fmt.Fprintf(w, "  NO PLAN  %s\n", printable(l.Trouble))
	case len(l.Changes) == 0:
		fmt.Fprintln(w, "  nothing to change")
	default:
		l.textChanges(w)
	}
}

func (l planLine) textChanges(w io.Writer) {
	for _, c := range l.Changes {
		change := rollout.Change{Package: c.Package, Old: c.Old, New: c.New}.String()
		if c.Kind == rollout.Downgrade {
			change += " (downgrade)"
		}
		fmt.Fprintf(w, "  %s\n", printable(change))
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
nothing else is done. Removals, downgrades and packages on hold are named. The
exit status is 3 if there is a host for which there is no plan.

` + selectorHelp,
		Example: `  aptfleet plan shop-web --suite stable --to array_of_new_webapps
  aptfleet plan --mode dist-upgrade --to all --json`,
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			spec, hosts, err := in.asked(args, o)
			if err != nil {
				return err
			}
			return in.showPlan(cmd.Context(), spec, hosts)
		}),
	}
	a.whatFlags(cmd, &o)
	return cmd
}

// showPlan plans, prints the groups of the plan, and returns the command's error.
func (in *installation) showPlan(ctx context.Context, spec rollout.Spec, hosts []inventory.Host) error {
	plan, err := in.plan(ctx, spec, hosts)
	if err != nil {
		return err
	}
	for _, g := range plan.Groups {
		if err := in.app.print(newPlanLine(g)); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(plan.Groups, func(g rollout.Group) bool { return g.Trouble != "" }) {
		return failed(exitFailed)
	}
	return nil
}

// plan asks all hosts what apt would do there.
func (in *installation) plan(ctx context.Context, spec rollout.Spec, hosts []inventory.Host) (rollout.Plan, error) {
	fleet, err := in.fleet(remote.Options{})
	if err != nil {
		return rollout.Plan{}, err
	}
	defer fleet.Close() // all hosts have answered by then
	through, err := in.tunnelFor(hosts)
	if err != nil {
		return rollout.Plan{}, err
	}
	defer through.Close()
	bar := in.app.newProgress(len(hosts))
	defer bar.end()
	plans := make([]rollout.HostPlan, len(hosts))
	at := map[inventory.HostName]int{}
	for i, h := range hosts {
		at[h.Name] = i
		plans[i] = rollout.HostPlan{Host: h.Name, Trouble: "was not asked"}
	}
	engine.EachHost(ctx, hosts, spec.Policy.Parallel, func(h inventory.Host) engine.Result {
		bar.begin(h.Name)
		plans[at[h.Name]] = planHost(ctx, fleet.Link(h), through, spec)
		bar.finish(h.Name, plans[at[h.Name]].Trouble == "")
		return engine.Result{Host: h.Name}
	})
	return rollout.NewPlan(plans), nil
}

// planHost asks one host, through the tunnel if it needs it.
func planHost(ctx context.Context, link *remote.Link, through *tunnel, spec rollout.Spec) rollout.HostPlan {
	defer link.Close()
	h := link.Host()
	job := jobSpec(spec, "plan", "plan")
	if h.Tunnel {
		proxy, closer, err := steps.OpenTunnel(ctx, link, through.host, through.serve)
		if err != nil {
			return rollout.HostPlan{Host: h.Name, Trouble: err.Error()}
		}
		defer closer.Close()
		job.Proxy = proxy
	}
	return steps.PlanHost(ctx, h.Name, link, job)
}
