package steps

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

var (
	//go:embed agentlook.sh
	agentLookScript string
	//go:embed agentplace.sh
	agentPlaceScript string
)

// AgentPackage is the Debian package of the agent.
const AgentPackage = "aptfleet-agent"

// ErrNoAgent is returned for a host on which no agent is installed.
var ErrNoAgent = errors.New("no agent is installed")

// AgentIdentity is how a host's agent is known.
type AgentIdentity struct {
	Key   string // its public key; the private one never leaves the host
	Token string // what lets it in at the bus, as it has it; "" is none
}

// LookAtAgent asks a host for its agent's identity, which the agent makes if it
// has none. Where none is installed the error is ErrNoAgent.
func LookAtAgent(ctx context.Context, sh hostjob.Shell) (AgentIdentity, error) {
	out, err := sh.Shell(ctx, agentLookScript)
	if err != nil {
		return AgentIdentity{}, fmt.Errorf("cannot ask for the agent's identity: %w", err)
	}
	key, token, _ := strings.Cut(string(out), "\n")
	if key == "none" {
		return AgentIdentity{}, ErrNoAgent
	}
	if len(key) != 56 || key[0] != 'U' {
		return AgentIdentity{}, fmt.Errorf("cannot ask for the agent's identity: the host answered %.80q", key)
	}
	return AgentIdentity{Key: key, Token: strings.TrimSpace(token)}, nil
}

// InstallAgent installs the agent from our repository. Given the same id again it
// goes on with the job of the time before.
func InstallAgent(ctx context.Context, sh hostjob.Shell, id string) error {
	spec := hostjob.Spec{ID: id, Owner: id, Mode: hostjob.Install, Packages: []hostjob.Target{{Name: AgentPackage}}}
	outcome, err := hostjob.Run(ctx, sh, spec, hostjob.Watch{})
	if err := judge(outcome, err); err != nil {
		return fmt.Errorf("cannot install %s: %w", AgentPackage, err)
	}
	return nil
}

// AgentFiles are what an agent is given. They are compared and written as they
// are.
type AgentFiles struct {
	Token    string // what lets it in
	CA       string // the authority that it trusts, as PEM
	Settings string // agent.toml
	Probes   string // what it looks at, as health.EncodeProbes writes it
}

// PlaceAgentFiles writes to a host what differs of the agent's files, and makes
// sure that it runs. It may be repeated: what is right already stays as it is.
func PlaceAgentFiles(ctx context.Context, sh hostjob.Shell, f AgentFiles) (Enrolled, error) {
	out, err := sh.Shell(ctx, agentPlaceScript,
		"agent.jwt", f.Token+"\n", "ca.pem", f.CA, "probes.json", f.Probes, "agent.toml", f.Settings)
	if err != nil {
		return "", fmt.Errorf("cannot set up the agent: %w", err)
	}
	did, err := parseEnrolled(out)
	if err != nil {
		return "", fmt.Errorf("cannot set up the agent: %w", err)
	}
	return did, nil
}
