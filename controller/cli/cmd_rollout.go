package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/debian"
)

// rolloutOptions are the flags of rollout.
type rolloutOptions struct {
	to       string
	mode     string
	suite    string
	parallel int
	batches  []string
	failures string
	failure  string
	pause    string
	settle   time.Duration
	deadline time.Duration
	noGate   bool
	noPlan   bool
	remove   []string
	held     []string
	reboot   string
	dryRun   bool
	yes      bool
}

func (a *app) rolloutCommand() *cobra.Command { return a.rolloutWith(&rolloutOptions{}) }

// rolloutWith returns the command with its flags in o.
func (a *app) rolloutWith(o *rolloutOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout PACKAGE[=VERSION]... --to SELECTOR",
		Short: "Install or upgrade packages on many hosts at once",
		Long: `Install or upgrade packages on every host that the selector picks, in parallel.

First every host is asked what apt would do there, and that is shown, grouped by
identical change. A plan that removes a package, or changes one that is on hold,
must be allowed by name. Once it is approved the plan is frozen: each host gets
exactly these versions, whatever is published meanwhile. Then all packages are
fetched, the new ones and those that they take the place of, so that neither the
rollout nor a rollback needs the repository any more. Then come the batches: run
apt, and compare what is installed with the plan. What happens on one host does
not touch another; one that changed since it was planned is left alone.

A host is done once it has been healthy for --settle, by what the inventory says of
its health. Where a daemon hears the hosts' agents it stays watched then, and else it is
looked at over SSH in the pauses between batches: one that becomes unhealthy has failed, and
counts.

A host that cannot be planned for fails, and counts; the others go on if
--max-failures has room for it, and "aptfleet retry" plans for it later.

Modes: install (the default); only-upgrade leaves hosts without the package
alone; dist-upgrade upgrades all there is, from every source, and takes no
package. A package without a version is the newest of the suite that --suite
names, else the newest that the host's apt would take.

--reboot if-required restarts a host afterwards if /run/reboot-required is there or
a newer kernel than the one that runs, and waits until it is back, within the same
batches, budget and mutexes.

The work on a host goes on whatever becomes of the connection or of this
command. The first Ctrl-C begins no further host and waits for those that run;
the second one leaves them to themselves. Where a daemon runs, the rollout is its:
Ctrl-C then ends this command alone, which says how to watch the rollout or abort
it.

` + selectorHelp,
		Example: `  aptfleet rollout shop-web --suite stable --to array_of_new_webapps
  aptfleet rollout shop-web=1.1 --to web01 --yes
  aptfleet rollout --mode dist-upgrade --to 'all,!db'`,
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			return in.rollOut(cmd.Context(), args, *o)
		}),
	}
	a.planFlags(cmd, o)
	flags := cmd.Flags()
	flags.StringSliceVar(&o.batches, "batches", nil, "`sizes` of the batches, as numbers or percentages: 1,10%,100% (default: the configuration's)")
	flags.StringVar(&o.failures, "max-failures", "", "`hosts`, as a number or a percentage, that may fail before --on-failure counts (default: the configuration's)")
	flags.StringVar(&o.failure, "on-failure", "", "what to do then: stop, rollback or continue (default: the configuration's)")
	flags.DurationVar(&o.settle, "settle", 0, "`time` for which a host must be healthy (default: the configuration's)")
	flags.DurationVar(&o.deadline, "deadline", 0, "`time` by which it must be so (default: the configuration's)")
	flags.BoolVar(&o.noGate, "no-gate", false, "do not look whether hosts are healthy afterwards")
	flags.StringVar(&o.pause, "pause", "", "`time` between two batches, such as 10m; manual waits for \"aptfleet continue\"")
	flags.BoolVar(&o.noPlan, "no-plan", false, "run apt right away: nothing is shown, frozen or fetched beforehand")
	flags.StringArrayVar(&o.remove, "allow-remove", nil, "`package` that the plan may remove; may be repeated")
	flags.StringArrayVar(&o.held, "allow-held", nil, "`package` that the plan may change although it is on hold; may be repeated")
	flags.StringVar(&o.reboot, "reboot", "", "if-required: restart each host afterwards where what is installed asks for it, and wait until it is back")
	flags.BoolVar(&o.dryRun, "dry-run", false, "show what would change, as plan does, and do nothing")
	flags.BoolVar(&o.yes, "yes", false, "do not ask")
	complete(cmd, "reboot", words(rollout.RebootIfRequired))
	complete(cmd, "on-failure", words(rollout.Stop, rollout.Rollback, rollout.Continue))
	return cmd
}

// planFlags adds the flags that say what is to be done, and where.
func (a *app) planFlags(cmd *cobra.Command, o *rolloutOptions) {
	flags := cmd.Flags()
	flags.StringVar(&o.to, "to", "", "`selector` of the hosts (required)")
	flags.StringVar(&o.mode, "mode", string(rollout.Install), "what apt is asked to do: install, only-upgrade or dist-upgrade")
	flags.IntVar(&o.parallel, "parallel", 0, "hosts at the same time (default: the configuration's)")
	a.suiteFlag(cmd, &o.suite, "take the newest versions in this suite of the repository")
	complete(cmd, "to", a.completeSelector)
	complete(cmd, "mode", words(rollout.Install, rollout.OnlyUpgrade, rollout.DistUpgrade))
}

// rollOut asks, and runs a rollout.
func (in *installation) rollOut(ctx context.Context, args []string, o rolloutOptions) error {
	if c := in.client(ctx); c != nil {
		if o.dryRun {
			return c.showPlan(ctx, args, o)
		}
		return c.rollOut(ctx, args, o)
	}
	spec, hosts, err := in.specFor(ctx, args, o)
	if err != nil {
		return err
	}
	if o.dryRun {
		return in.showPlan(ctx, spec, hosts)
	}
	return in.rollOutHosts(ctx, spec, hosts, o.yes)
}

// rollOutHosts has a rollout approved, which yes does without asking, and runs it.
func (in *installation) rollOutHosts(ctx context.Context, spec rollout.Spec, hosts []inventory.Host, yes bool) error {
	if err := in.checkUnlocked(); err != nil {
		return err
	}
	return in.withConnections(hosts, func(conns *connections) (err error) {
		var approved []rollout.Event
		if spec.Planned {
			approved, err = in.approvePlan(ctx, conns, spec, hosts, yes)
		} else if !yes {
			err = in.app.confirm(ctx, describe(spec), len(hosts))
		}
		if err != nil {
			return err
		}
		return in.startRollout(ctx, conns, spec, hosts, approved)
	})
}

// specFor returns what was asked for, and the hosts.
func (in *installation) specFor(ctx context.Context, args []string, o rolloutOptions) (rollout.Spec, []inventory.Host, error) {
	if o.to == "" {
		return rollout.Spec{}, nil, usageErrorf("say with --to on which hosts")
	}
	hosts, err := in.hosts(ctx, o.to)
	if err != nil {
		return rollout.Spec{}, nil, err
	}
	spec, err := in.spec(args, o, hosts)
	return spec, hosts, err
}

// spec returns what was asked for, with the versions that it means now.
func (in *installation) spec(args []string, o rolloutOptions, hosts []inventory.Host) (rollout.Spec, error) {
	spec := rollout.Spec{
		Mode: rollout.Mode(o.mode), Suite: o.suite, Selector: o.to,
		Planned: !o.noPlan, Allow: rollout.Allowance{Remove: o.remove, Held: o.held}, Reboot: rollout.Reboot(o.reboot),
		Who: in.who(), When: time.Now(), Command: in.commandLine(),
	}
	spec.Take(hosts)
	var err error
	if spec.Policy, err = o.policy(in.Rollout.Policy()); err != nil {
		return spec, &exitError{exitUsage, err}
	}
	// Where there is nothing to look at, the job's own verdict is all there is.
	probed := slices.ContainsFunc(hosts, func(h inventory.Host) bool { return len(h.Health) > 0 })
	spec.Policy.Gate = spec.Policy.Gate && probed
	for _, arg := range args {
		p, err := parsePackage(arg)
		if err != nil {
			return spec, &exitError{exitUsage, err}
		}
		spec.Packages = append(spec.Packages, p)
	}
	if err := spec.Validate(); err != nil {
		return spec, &exitError{exitUsage, err}
	}
	if o.suite != "" {
		return spec, in.pin(spec.Packages, o.suite)
	}
	return spec, nil
}

// manual is a pause that a person ends.
const manual = "manual"

// policy returns the configuration's policy with what the flags say.
func (o rolloutOptions) policy(p rollout.Policy) (rollout.Policy, error) {
	if o.parallel != 0 {
		p.Parallel = o.parallel
	}
	if len(o.batches) > 0 {
		p.Batches = make([]rollout.Amount, len(o.batches))
	}
	for i, size := range o.batches {
		amount, err := rollout.ParseAmount(size)
		if err != nil {
			return p, fmt.Errorf("--batches: %w", err)
		}
		p.Batches[i] = amount
	}
	if o.failures != "" {
		amount, err := rollout.ParseAmount(o.failures)
		if err != nil {
			return p, fmt.Errorf("--max-failures: %w", err)
		}
		p.MaxFailures = amount
	}
	if o.failure != "" {
		p.OnFailure = rollout.OnFailure(o.failure)
	}
	if o.pause == manual {
		p.Confirm = true
	} else if o.pause != "" {
		pause, err := time.ParseDuration(o.pause)
		if err != nil {
			return p, fmt.Errorf("--pause: cannot read %q: want a time, like 10m, or %s", o.pause, manual)
		}
		p.Pause = pause
	}
	return o.gate(p), nil
}

// gate says what the flags say of the gate.
func (o rolloutOptions) gate(p rollout.Policy) rollout.Policy {
	if o.settle != 0 {
		p.Settle = o.settle
	}
	if o.deadline != 0 {
		p.Deadline = o.deadline
	}
	p.Gate = p.Gate && !o.noGate
	return p
}

// parsePackage reads PACKAGE or PACKAGE=VERSION.
func parsePackage(arg string) (rollout.Package, error) {
	name, version, exact := strings.Cut(arg, "=")
	err := debian.ValidatePackageName(name)
	if err == nil && exact {
		err = debian.ValidateVersion(version)
	}
	if err != nil {
		return rollout.Package{}, fmt.Errorf("cannot roll out %q: %w", arg, err)
	}
	return rollout.Package{Name: name, Version: version}, nil
}

// pin gives each package without a version the newest one of a suite, and
// checks that the suite has those with one.
func (in *installation) pin(packages []rollout.Package, suite string) error {
	repository, err := in.readRepository()
	if err != nil {
		return err
	}
	published, err := repository.List(suite)
	if err != nil {
		return err
	}
	for i, wanted := range packages {
		found := false
		for _, p := range published {
			if p.Name == wanted.Name && (wanted.Version == "" || p.Version == wanted.Version) {
				packages[i].Version, found = p.Version, true // the list has the newest last
			}
		}
		if !found {
			return fmt.Errorf("cannot roll out %s: suite %s does not have it", wanted, suite)
		}
	}
	return nil
}

// describe says in words what a rollout does.
func describe(spec rollout.Spec) string {
	words := []string{string(spec.Mode)}
	for _, p := range spec.Packages {
		words = append(words, p.String())
	}
	if spec.Reboot != "" {
		words = append(words, "and reboot "+string(spec.Reboot))
	}
	return strings.Join(words, " ")
}
