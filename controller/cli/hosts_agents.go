package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/reports"
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/packaging/aptrepo"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// agents brings agents to hosts and lets them in at the bus.
type agents struct {
	bus      *bus.Bus
	register *reports.Register
	ca       string // the authority that they trust, as PEM
	settings string // agent.toml
	job      string // names the installation of the agent on every host
	by       string // who enrolls them
}

// agents returns what enrolls agents on an open bus.
func (in *installation) agents(ctx context.Context, b *bus.Bus) (*agents, error) {
	register, err := reports.OpenRegister(ctx, b)
	if err != nil {
		return nil, err
	}
	ca, err := in.agentsAuthority()
	if err != nil {
		return nil, err
	}
	return &agents{
		bus: b, register: register, ca: string(ca), settings: agentSettings(in.Bus.Agents()),
		job: "enroll-" + time.Now().UTC().Format("20060102T150405.000Z"), by: in.who(),
	}, nil
}

// agentsAuthority returns the authority by which agents know the bus.
func (in *installation) agentsAuthority() ([]byte, error) {
	if in.Bus.CA == "" {
		return bus.Authority(in.State)
	}
	ca, err := os.ReadFile(in.Bus.CA)
	if err != nil {
		return nil, fmt.Errorf("cannot read what agents are to trust: %w", err)
	}
	return ca, nil
}

// agentSettings returns the agent.toml of agents that find the bus there.
func agentSettings(servers []string) string {
	quoted := make([]string, len(servers))
	for i, s := range servers {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("# Written by \"aptfleet enroll\", which puts it back.\nservers = [%s]\nca = \"/etc/aptfleet-agent/ca.pem\"\ninterval = \"10s\"\n",
		strings.Join(quoted, ", "))
}

// checkAgentPackage makes sure that hosts can get the agent from the suites that
// they see.
func checkAgentPackage(repository *aptrepo.Repository, suites []string) error {
	for _, suite := range suites {
		packages, err := repository.List(suite)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(packages, func(p aptrepo.Package) bool { return p.Name == steps.AgentPackage }) {
			return nil
		}
	}
	return fmt.Errorf("cannot enroll agents: %s is in none of the suites %s: publish it there first, or enroll with --agent=false",
		steps.AgentPackage, strings.Join(suites, ", "))
}

// enroll brings the agent to a host, lets it in and gives it what it needs. Run
// again it repairs.
func (a *agents) enroll(ctx context.Context, link *remote.Link, h inventory.Host) (steps.Enrolled, error) {
	id, installed, err := a.look(ctx, link)
	if err != nil {
		return "", err
	}
	probes, err := health.EncodeProbes(h.Health)
	if err != nil {
		return "", fmt.Errorf("cannot tell the agent what to look at: %w", err)
	}
	token, err := a.token(ctx, h.Name, id)
	if err != nil {
		return "", err
	}
	did, err := steps.PlaceAgentFiles(ctx, link, steps.AgentFiles{Token: token, CA: a.ca, Settings: a.settings, Probes: string(probes)})
	if err == nil && installed {
		did = steps.Written
	}
	return did, err
}

// look asks for the agent's identity, and installs it where there is none.
func (a *agents) look(ctx context.Context, link *remote.Link) (id steps.AgentIdentity, installed bool, err error) {
	id, err = steps.LookAtAgent(ctx, link)
	if !errors.Is(err, steps.ErrNoAgent) {
		return id, false, err
	}
	if err := steps.InstallAgent(ctx, link, a.job); err != nil {
		return id, false, err
	}
	id, err = steps.LookAtAgent(ctx, link)
	return id, true, err
}

// token notes whose key it is, and returns the token that the agent has if that is
// good, and else a new one.
func (a *agents) token(ctx context.Context, host inventory.HostName, id steps.AgentIdentity) (string, error) {
	if err := a.register.Enroll(ctx, reports.Enrolled{Host: host, Agent: id.Key, At: time.Now(), By: a.by}); err != nil {
		return "", err
	}
	good, err := a.bus.TokenValid(ctx, id.Token, id.Key)
	if err != nil || good {
		return id.Token, err
	}
	return a.bus.IssueToken(ctx, id.Key, string(host))
}
