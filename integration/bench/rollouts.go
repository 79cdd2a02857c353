package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/integration/lab"
)

// rollouts brings one version of a package after the other to a fleet.
type rollouts struct {
	*bench
	fleet   *lab.Lab
	server  *exec.Cmd // aptfleet repo serve
	version int       // the last one published
}

const sampleRecipe = `name = "sample"
version = "1"
architecture = "all"
maintainer = "Bench <bench@example.com>"
description = "two megabytes that do not shrink"
[[files]]
src = "payload"
dst = "/opt/sample/payload"
`

// prepare sets aptfleet up as its users do, and brings a first version to all
// hosts, so that none meets apt for the first time while it is measured.
func (r *rollouts) prepare(ctx context.Context) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	if err := r.command(ctx, "enroll", "web", "--yes", "--suite", "stable"); err != nil {
		return err
	}
	_, err := r.aptfleetRollout("--no-plan")(ctx)
	return err
}

// open makes an installation with a first version, and serves its repository.
func (r *rollouts) open(ctx context.Context) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(r.fleet.ListenAddress(), "0"))
	if err != nil {
		return err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return err
	}
	if err := r.command(ctx, "init", "--state", filepath.Join(r.dir, "state"), "--url", "http://"+address, "--origin", "bench"); err != nil {
		return err
	}
	if err := r.writeFiles(); err != nil {
		return err
	}
	if err := r.publish(ctx); err != nil {
		return err
	}
	r.server = r.aptfleetCommand(ctx, "repo", "serve", "--listen", address)
	return r.server.Start()
}

// writeFiles writes what aptfleet, parallel-ssh and the package need.
func (r *rollouts) writeFiles() error {
	payload := make([]byte, 2<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(payload) // it never fails
	var hosts strings.Builder
	for _, h := range r.fleet.Hosts() {
		fmt.Fprintln(&hosts, h.Address())
	}
	return errors.Join(
		r.write("inventory.toml", r.fleet.Inventory("web")),
		r.write("sample.toml", sampleRecipe),
		r.write("payload", string(payload)),
		r.write("hosts", hosts.String()),
		r.write("ssh_config", fmt.Sprintf("User %s\nIdentityFile %s\nUserKnownHostsFile %s\n", r.fleet.User(), r.fleet.Identity(), r.fleet.KnownHosts())),
	)
}

func (r *rollouts) write(name, text string) error {
	return os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644)
}

func (r *rollouts) aptfleetCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.aptfleet, args...)
	cmd.Dir = r.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd
}

func (r *rollouts) command(ctx context.Context, args ...string) error {
	return quietly(r.aptfleetCommand(ctx, args...))
}

// publish builds and publishes the next version.
func (r *rollouts) publish(ctx context.Context) error {
	r.version++
	version := fmt.Sprint(r.version)
	if err := r.command(ctx, "build", "sample.toml", "--version", version, "--out", "."); err != nil {
		return err
	}
	return r.command(ctx, "publish", "--suite", "stable", "sample_"+version+"_all.deb")
}

func (r *rollouts) stopServing() {
	_ = r.server.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	_ = r.server.Wait()                          // says that a signal ended it
}

// wanted is what apt is asked for.
func (r *rollouts) wanted() string { return fmt.Sprintf("sample=%d", r.version) }

// aptfleetRollout rolls the version published last out.
func (r *rollouts) aptfleetRollout(flags ...string) func(context.Context) (measure.Cost, error) {
	return func(ctx context.Context) (measure.Cost, error) {
		return measureSaying(r.aptfleetCommand(ctx, append([]string{"rollout", r.wanted(), "--to", "web", "--yes"}, flags...)...))
	}
}

// goBack is a contestant that takes the last rollout back.
func (r *rollouts) goBack(name string) measure.Contestant {
	return measure.Contestant{Name: name, Run: func(ctx context.Context) (measure.Cost, error) {
		out, err := r.aptfleetCommand(ctx, "status", "--json").Output()
		var last struct{ ID string }
		if err = errors.Join(err, json.Unmarshal(out, &last)); err != nil {
			return measure.Cost{}, err
		}
		cmd := exec.CommandContext(ctx, "sh", "-c", `"$0" rollback "$1" --yes; [ $? = 5 ]`, r.aptfleet, last.ID)
		cmd.Dir = r.dir
		cost, err := measureSaying(cmd)
		if err != nil {
			return cost, err
		}
		return cost, r.check(ctx, r.version-1)
	}}
}

func (r *rollouts) parallelSSH(ctx context.Context) (measure.Cost, error) {
	command := fmt.Sprintf("sudo -n sh -c 'apt-get update && apt-get install -y %s'", r.wanted())
	file := func(name string) string { return filepath.Join(r.dir, name) }
	return measureSaying(exec.CommandContext(ctx, "parallel-ssh", "-h", file("hosts"), "-t", "0", "-x", "-F "+file("ssh_config"), command))
}

// upgrade is a contestant that publishes a version and brings it to all hosts.
func (r *rollouts) upgrade(name string, run func(context.Context) (measure.Cost, error), before func() error) measure.Contestant {
	return measure.Contestant{Name: name, Run: func(ctx context.Context) (measure.Cost, error) {
		if err := errors.Join(before(), r.publish(ctx)); err != nil {
			return measure.Cost{}, err
		}
		cost, err := run(ctx)
		if err != nil {
			return cost, err
		}
		return cost, r.check(ctx, r.version)
	}}
}

// check makes sure that every host has a version.
func (r *rollouts) check(ctx context.Context, version int) error {
	for _, h := range r.fleet.Hosts() {
		out, err := h.Exec(ctx, "dpkg-query", "-W", "-f", "${Package}=${Version} ${db:Status-Abbrev}", "sample")
		if err != nil {
			return err
		}
		if got, want := string(out), fmt.Sprintf("sample=%d ii ", version); got != want {
			return fmt.Errorf("%s has %q, want %q", h.Name(), got, want)
		}
	}
	return nil
}

// servedSuite is the large suite with its server.
type servedSuite struct {
	*httptest.Server
	suite *largeSuite
}

// addLargeSuite serves the large suite, and adds it to every host's sources.
func (r *rollouts) addLargeSuite(ctx context.Context) (*servedSuite, error) {
	suite, err := newLargeSuite(ctx, filepath.Join(r.dir, largeName))
	if err != nil {
		return nil, err
	}
	server := httptest.NewUnstartedServer(suite)
	if err := server.Listener.Close(); err != nil {
		return nil, err
	}
	if server.Listener, err = net.Listen("tcp", net.JoinHostPort(r.fleet.ListenAddress(), "0")); err != nil {
		return nil, err
	}
	server.Start()
	source, err := suite.repository.Source(server.URL, largeName)
	for _, h := range r.fleet.Hosts() {
		err = errors.Join(err, os.WriteFile(h.Path("/etc/apt/sources.list.d/large.sources"), source, 0o644))
	}
	if err != nil {
		server.Close()
		return nil, err
	}
	return &servedSuite{server, suite}, nil
}

// measureSaying measures a command, whose output is only shown if it fails.
func measureSaying(cmd *exec.Cmd) (measure.Cost, error) {
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	cost, err := measure.Command(cmd)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, lastLines(output.String(), 5))
	}
	return cost, err
}
