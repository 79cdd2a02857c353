package steps

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// PlanHost asks a host what apt would do there for a job. Why there is no plan,
// apt's refusal or that the host cannot be reached, is the plan's Trouble.
func PlanHost(ctx context.Context, host inventory.HostName, sh hostjob.Shell, spec hostjob.Spec) rollout.HostPlan {
	found, err := hostjob.MakePlan(ctx, sh, spec)
	if err != nil {
		return NoPlan(host, err)
	}
	p := rollout.HostPlan{
		Host: host, Unchanged: rollout.Versions(found.Unchanged), Held: found.Held, Damaged: found.Damaged,
		Download: found.Download, Disk: found.Growth, Free: found.System.Free,
	}
	if shortage := found.Shortage(); shortage != "" {
		p.Trouble = "there is too little space: " + shortage
	}
	for _, c := range found.Changes {
		p.Changes = append(p.Changes, planned(c))
	}
	for _, c := range found.Deferred {
		p.Deferred = append(p.Deferred, planned(c))
	}
	for _, c := range found.KeptBack {
		p.KeptBack = append(p.KeptBack, planned(c))
	}
	return p
}

func planned(c hostjob.Change) rollout.Change {
	return rollout.Change{Package: c.Name, Old: c.Old, New: c.New}
}

// NoPlan is the plan of a host of which err says why there is none. One that was
// lost on the way is as unreachable as one that never answered: planning does
// nothing to it. The host's own name is left out: those with the same trouble are
// told of together.
func NoPlan(host inventory.HostName, err error) rollout.HostPlan {
	return rollout.HostPlan{
		Host: host, Unreachable: neverReached(err) || errors.Is(err, remote.ErrLost),
		Trouble: strings.ReplaceAll(err.Error(), string(host)+": ", ""),
	}
}

// Planned returns the job that carries out what was planned for spec on the
// hosts of a group, and nothing else. New packages that nobody asked for by name
// are marked as being there for others.
//
// Where nothing changes and dpkg has something to finish, it is the job that was
// asked for: all that is left to it is to mend.
func Planned(spec hostjob.Spec, g rollout.Group) hostjob.Spec {
	named := make([]string, len(spec.Packages))
	for i, t := range spec.Packages {
		named[i] = t.Name
	}
	spec.Refresh = hostjob.RefreshNone
	spec.AllowDowngrades = len(g.Only(rollout.Downgrade)) > 0
	spec.AllowHeld = len(g.Held) > 0
	if len(g.Changes) == 0 {
		return spec
	}
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
