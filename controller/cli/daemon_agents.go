package cli

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aptfleet/aptfleet/controller/fleethealth"
	"github.com/aptfleet/aptfleet/controller/reports"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// daemonAgents is the daemon as the API's server.Agents.
type daemonAgents struct{ *daemon }

// silence is after how long without a report a host with an agent is silent:
// three of its intervals.
const silence = 30 * time.Second

func (d daemonAgents) Health(ctx context.Context, selector string) ([]server.Object, error) {
	in := d.installation("")
	hosts, err := in.hosts(ctx, selector)
	if err != nil {
		return nil, badRequest(err)
	}
	judged, err := d.judge(ctx, in, hosts)
	lines := make([]healthLine, len(judged))
	for i, h := range judged {
		lines[i] = newHealthLine(h)
	}
	return objects(lines, err)
}

// judge judges hosts by what their agents have reported, or where the bus
// does not listen to agents by what is found over SSH.
func (d *daemon) judge(ctx context.Context, in *installation, hosts []inventory.Host) ([]fleethealth.Host, error) {
	known, patience, err := []fleethealth.Known(nil), silence, error(nil)
	if d.reports == nil {
		known, err = in.askHealth(ctx, hosts, maxPings)
		patience = sshReportAge
	} else {
		known, err = d.reported(ctx, in, hosts)
	}
	judged := make([]fleethealth.Host, len(known))
	for i, k := range known {
		judged[i] = fleethealth.Judge(k, time.Now(), patience)
	}
	return judged, err
}

// reported returns what the agents of hosts have said last.
func (d *daemon) reported(ctx context.Context, in *installation, hosts []inventory.Host) ([]fleethealth.Known, error) {
	last, err := in.lastInstalled(ctx, hosts)
	if err != nil {
		return nil, err
	}
	known := make([]fleethealth.Known, len(hosts))
	for i, h := range hosts {
		known[i] = fleethealth.Known{Name: h.Name, Probes: h.Health, Installed: last[h.Name].versions, InstalledBy: last[h.Name].by}
		report, err := d.reports.Report(h.Name)
		if err == nil {
			known[i].Report = &report
		}
		if refused := d.reports.Refused(h.Name); refused != nil {
			err = refused
		}
		known[i].Trouble = text(err)
	}
	return known, nil
}

func (d daemonAgents) Forget(ctx context.Context, by string, host inventory.HostName) error {
	register, err := reports.OpenRegister(ctx, d.journal.bus)
	if err != nil {
		return err
	}
	if err = register.Forget(ctx, host); errors.Is(err, reports.ErrNotEnrolled) {
		return &server.Problem{Status: http.StatusNotFound, Host: string(host), Detail: err.Error()}
	}
	return err
}
