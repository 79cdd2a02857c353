package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/integration/simhost"
)

// simulated is a fleet of simulated hosts with the files that clients need.
type simulated struct {
	*simhost.Fleet
	files simhost.Files
}

// simulate starts a fleet, with its files in a folder of its own. The caller
// closes it.
func (b *bench) simulate(o simhost.Options) (*simulated, error) {
	dir, err := os.MkdirTemp(b.dir, "simhost-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder: %w", err)
	}
	fleet, err := simhost.Start(o)
	if err != nil {
		return nil, err
	}
	files, err := fleet.WriteFiles(dir)
	if err != nil {
		fleet.Close()
		return nil, err
	}
	return &simulated{fleet, files}, nil
}

// buildFanout builds the program that runs controller/remote alone.
func (b *bench) buildFanout(ctx context.Context) (path string, err error) {
	path = filepath.Join(b.dir, "fanout")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/aptfleet/aptfleet/integration/bench/fanout")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build fanout: %w: %s", err, out)
	}
	return path, nil
}

// fanout runs the program that buildFanout built on all hosts.
func (s *simulated) fanout(program string, parallel int, words ...string) measure.Contestant {
	args := []string{"-inventory", s.files.Inventory, "-known-hosts", s.files.Hashed, "-parallel", strconv.Itoa(parallel)}
	return contestant("aptfleet", program, append(args, words...)...)
}

// aptfleet runs the real program, which learns of known_hosts as from any user:
// through ~/.ssh/config. Names are hashed there, as Debian's ssh does.
func (s *simulated) aptfleet(b *bench, words ...string) (measure.Contestant, error) {
	home := filepath.Dir(s.files.Inventory)
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		return measure.Contestant{}, fmt.Errorf("cannot make a home: %w", err)
	}
	config := filepath.Join(home, "aptfleet.toml")
	for path, text := range map[string]string{
		filepath.Join(home, ".ssh", "config"): "Host 127.*\n\tUserKnownHostsFile " + s.files.Hashed + "\n",
		config:                                "inventory = \"inventory.toml\"\nstate = \"state\"\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return measure.Contestant{}, fmt.Errorf("cannot configure aptfleet: %w", err)
		}
	}
	return contestant("aptfleet", "env", append([]string{"HOME=" + home, b.aptfleet, "--config", config}, words...)...), nil
}

// parallelSSH is the same by parallel-ssh, with names in plain: hashed ones
// cost it another 80 ms of CPU a host where there are 10,000.
func (s *simulated) parallelSSH(parallel int, words ...string) measure.Contestant {
	args := []string{"-h", s.files.Hosts, "-p", strconv.Itoa(parallel), "-t", "0", "-x", "-F " + s.files.SSHConfig}
	return contestant("parallel-ssh", "parallel-ssh", append(args, words...)...)
}

// contestant measures a command, whose output is only shown if it fails.
func contestant(name, program string, args ...string) measure.Contestant {
	return measure.Contestant{Name: name, Run: func(ctx context.Context) (measure.Cost, error) {
		cmd := exec.CommandContext(ctx, program, args...)
		var output strings.Builder
		cmd.Stdout, cmd.Stderr = &output, &output
		cost, err := measure.Command(cmd)
		if err != nil {
			err = fmt.Errorf("%w: %s", err, lastLines(output.String(), 5))
		}
		return cost, err
	}}
}

// lastLines returns the last n lines of text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
