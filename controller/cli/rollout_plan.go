package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/inventory"
)

// plan asks hosts what apt would do there, and prints it.
func (in *installation) plan(ctx context.Context, conns *connections, spec rollout.Spec, hosts []inventory.Host) (rollout.Plan, error) {
	bar := in.app.newProgress(len(hosts))
	defer bar.end()
	plans := make([]rollout.HostPlan, len(hosts))
	at := make(map[inventory.HostName]int, len(hosts))
	for i, h := range hosts {
		at[h.Name] = i
	}
	engine.EachHost(ctx, hosts, spec.Policy.Parallel, func(h inventory.Host) engine.Result {
		bar.begin(h.Name)
		plan := conns.planHost(ctx, h, spec)
		plans[at[h.Name]] = plan
		bar.finish(h.Name, plan.Trouble == "")
		return engine.Result{Host: h.Name}
	})
	if ctx.Err() != nil {
		return rollout.Plan{}, fmt.Errorf("cannot plan: %w", context.Cause(ctx))
	}
	return rollout.NewPlan(plans), nil
}

// planHost asks one host, through the tunnel if it needs it.
func (c *connections) planHost(ctx context.Context, h inventory.Host, spec rollout.Spec) (plan rollout.HostPlan) {
	err := c.withProxy(ctx, h, func(proxy hostjob.Proxy) error {
		job := jobSpec(spec, "plan", "plan")
		job.Proxy = proxy
		plan = steps.PlanHost(ctx, h.Name, c.link(h), job)
		return nil
	})
	if err != nil {
		return steps.NoPlan(h.Name, err)
	}
	return plan
}

// showGroups prints a plan.
func (in *installation) showGroups(plan rollout.Plan) error {
	for _, g := range plan.Groups {
		if err := in.app.print(newPlanLine(g)); err != nil {
			return err
		}
	}
	return nil
}

// approvePlan plans, shows the plan, and has it approved: by the flags that allow what
// is refused else, and by whoever is asked. It returns the events that say so.
func (in *installation) approvePlan(ctx context.Context, conns *connections, spec rollout.Spec, hosts []inventory.Host, yes bool) ([]rollout.Event, error) {
	plan, err := in.plan(ctx, conns, spec, hosts)
	if err != nil {
		return nil, err
	}
	if err := in.showGroups(plan); err != nil {
		return nil, err
	}
	if err := refused(refusals(plan.Refusals(spec.Allow))); err != nil {
		return nil, err
	}
	if n := mayChange(spec, plan.Changing(), len(hosts)); !yes && n > 0 {
		if err := in.app.confirm(ctx, describe(spec), n); err != nil {
			return nil, err
		}
	}
	return approval(plan), nil
}

// mayChange returns on how many hosts something may change, of which a plan changes
// some: the others may have to be restarted too.
func mayChange(spec rollout.Spec, changing, hosts int) int {
	if spec.Reboot != "" {
		return hosts
	}
	return changing
}

// approval returns the events that a plan was made and approved.
func approval(plan rollout.Plan) []rollout.Event {
	return append(plan.Events(), rollout.Event{Kind: rollout.KindApproved, Digest: plan.Digest()})
}

// refusals says in words what stands against a plan, and what would allow it.
func refusals(all []rollout.Refusal) []string {
	var words []string
	for _, r := range all {
		flag := "--allow-remove"
		if r.Held {
			flag = "--allow-held"
		}
		words = append(words, fmt.Sprintf("%s, which %s %s allows", r, flag, r.Package))
	}
	return words
}

// refused is the error of a plan against which something stands.
func refused(words []string) error {
	if len(words) == 0 {
		return nil
	}
	return fmt.Errorf("cannot roll out: %s; nothing was done", strings.Join(words, "; "))
}

// planLate plans for those hosts of an approved rollout that have no plan, and
// returns the events that add what it can do there. They get what the others
// got; what was not allowed then is not done now.
func (in *installation) planLate(ctx context.Context, conns *connections, state *rollout.State, hosts []inventory.Host) ([]rollout.Event, error) {
	var late []inventory.Host
	for _, h := range hosts {
		if _, planned := state.PlanOf(h.Name); !planned {
			late = append(late, h)
		}
	}
	if len(late) == 0 {
		return nil, nil
	}
	frozen, _ := state.Plan()
	spec := state.Spec
	spec.Packages = frozen.Pin(spec.Packages)
	plan, err := in.plan(ctx, conns, spec, late)
	if err != nil {
		return nil, err
	}
	plan = plan.Without(spec.Allow)
	return plan.Events(), in.showGroups(plan)
}
