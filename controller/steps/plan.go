package steps

import (
	"context"
	"errors"
	"slices"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// PlanHost asks a host what apt would do there for a job. Why there is no plan,
// apt's refusal or that the host cannot be reached, is the plan's Trouble.
func PlanHost(ctx context.Context, host inventory.HostName, sh hostjob.Shell, spec hostjob.Spec) rollout.HostPlan {
	found, err := hostjob.MakePlan(ctx, sh, spec)
	p := rollout.HostPlan{
		Host: host, Held: found.Held,
		Download: found.Download, Disk: found.Growth, Free: found.System.Free,
	}
	if refused, is := errors.AsType[*hostjob.PlanError](err); is {
		p.Trouble = refused.Error()
	} else if err != nil {
		p.Trouble = err.Error()
	}
	for _, c := range found.Changes {
		p.Changes = append(p.Changes, rollout.Change{Package: c.Name, Old: c.Old, New: c.New})
	}
	return p
}

// Planned returns the job that carries out what was planned for spec on the
// hosts of a group, and nothing else. There is none where nothing changes. New
// packages that nobody asked for by name are marked as being there for others.
func Planned(spec hostjob.Spec, g rollout.Group) hostjob.Spec {
	named := make([]string, len(spec.Packages))
	for i, t := range spec.Packages {
		named[i] = t.Name
	}
	spec.Refresh = hostjob.RefreshNone
	spec.AllowDowngrades = len(g.Only(rollout.Downgrade)) > 0
	spec.AllowHeld = len(g.Held) > 0
	if spec.Mode == hostjob.Install {
		spec.Manual = named
	}
	spec.Mode, spec.Packages = hostjob.Exact, nil
	for _, c := range g.Changes {
		spec.Changes = append(spec.Changes, hostjob.Change{
			Name: c.Package, Old: c.Old, New: c.New,
			Auto: c.Old == "" && !slices.Contains(named, c.Package),
		})
	}
	return spec
}
