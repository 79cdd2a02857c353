package cli

import (
	"context"
	"net/url"
	"time"

	"github.com/aptfleet/aptfleet/controller/fleethealth"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// showHealth prints what the daemon knows of the hosts that a selector picks.
func (c *client) showHealth(ctx context.Context, selector string) error {
	path := "/v1/health"
	if selector != "" {
		if _, err := c.in.hosts(ctx, selector); err != nil { // tells people what is left out
			return err
		}
		path += "?selector=" + url.QueryEscape(selector)
	}
	told, err := items[healthLine](ctx, c, path)
	if err != nil {
		return err
	}
	hosts := make([]fleethealth.Host, len(told))
	for i, l := range told {
		hosts[i] = l.host()
	}
	return c.in.app.printHealth(hosts, time.Now())
}

// host is the judged host of which the line tells.
func (l healthLine) host() fleethealth.Host {
	h := fleethealth.Host{
		Name: l.Host, Reported: known(l.Reported), Silent: l.State == "silent", Trouble: l.Trouble,
		Drifted: l.Rollout, Unprobed: l.Unprobed,
	}
	for _, f := range l.Failures {
		h.Failures = append(h.Failures, fleethealth.Failure{Probe: f.Probe, Since: known(f.Since), Output: f.Output})
	}
	for _, d := range l.Drift {
		h.Drift = append(h.Drift, fleethealth.Drift(d))
	}
	if f := l.Facts; f != nil {
		h.Facts = &health.Facts{Agent: f.Agent, RebootRequired: f.Reboot}
		if f.Pending != nil && f.Security != nil && f.Lists != nil {
			lists := time.Duration(*f.Lists * float64(time.Second))
			h.Facts.Upgrades = &health.Upgrades{Pending: *f.Pending, Security: *f.Security, Lists: lists}
		}
	}
	return h
}

// known is the zero time for one that is not known.
func known(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
