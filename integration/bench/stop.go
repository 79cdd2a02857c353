package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/integration/lab"
)

// frail is a unit that is killed.
const (
	frail     = "frail.service"
	frailUnit = "[Service]\nExecStart=/bin/sh -c 'echo no database; exec sleep infinity'\n"
)

// stop measures how soon a rollout stops once a host that has passed its gate is
// not well any more: on a booted host a unit is killed in the pause after the first
// batch. The time begins right before that, by the host's clock, which is the
// machine's, and ends with the journal's event that stops the rollout. In between
// lie systemd, the agent, TLS, the daemon and the journal.
func stop(ctx context.Context, b *bench) error {
	fleet, err := lab.Start(ctx, lab.Options{Count: 2, Suites: []string{lab.Bookworm}, Log: b.log})
	if err != nil {
		return err
	}
	s := &stops{rollouts: &rollouts{bench: b, fleet: fleet}}
	if fleet.Kind() != lab.Booted {
		b.table.LeaveOut("a unit's failure to the rollout's stop", fleet.Reason())
	} else if err = s.prepare(ctx); err == nil {
		err = s.measure(ctx)
	}
	return errors.Join(err, s.end())
}

// stops is a fleet with agents and a daemon that hears them.
type stops struct {
	*rollouts
	daemon *exec.Cmd
}

func (s *stops) end() error {
	if s.daemon != nil {
		_ = s.daemon.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		_ = s.daemon.Wait()                          // says that a signal ended it
	}
	if s.server != nil {
		s.stopServing()
	}
	return s.fleet.Close()
}

// prepare enrolls the hosts with agents, and starts the daemon.
func (s *stops) prepare(ctx context.Context) error {
	archive, _, err := buildAgent(ctx, s.dir)
	if err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.configure(); err != nil {
		return err
	}
	for _, h := range s.fleet.Hosts() {
		if err := os.WriteFile(h.Path("/etc/systemd/system/"+frail), []byte(frailUnit), 0o644); err != nil {
			return err
		}
		if _, err := h.Exec(ctx, "sh", "-c", "systemctl daemon-reload && systemctl start "+frail); err != nil {
			return err
		}
	}
	if err := s.publish(ctx); err != nil { // so that there are two versions
		return err
	}
	if err := s.command(ctx, "publish", "--suite", "stable", archive); err != nil {
		return err
	}
	if err := s.command(ctx, "enroll", "web", "--yes", "--suite", "stable"); err != nil {
		return err
	}
	return s.serve(ctx)
}

// configure adds the door for agents, and what has to be well.
func (s *stops) configure() error {
	l, err := net.Listen("tcp", s.fleet.ListenAddress()+":0")
	if err != nil {
		return err
	}
	door := fmt.Sprintf("\n[bus]\nlisten = %q\nnames = [%q]\n", l.Addr(), s.fleet.ListenAddress())
	settings, err := os.ReadFile(filepath.Join(s.dir, "aptfleet.toml"))
	return errors.Join(err, l.Close(),
		s.write("aptfleet.toml", string(settings)+door),
		s.write("inventory.toml", s.fleet.Inventory("web")+fmt.Sprintf("\n[groups.web.health]\nunits = [%q]\n", frail)),
	)
}

// serve starts the daemon, and waits until it answers.
func (s *stops) serve(ctx context.Context) error {
	s.daemon = s.aptfleetCommand(ctx, "serve")
	s.daemon.Stderr = s.log
	if err := s.daemon.Start(); err != nil {
		return err
	}
	for range 600 {
		if c, err := net.Dial("unix", filepath.Join(s.dir, "state", "api.sock")); err == nil {
			return c.Close()
		}
		if !wait(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	return errors.New("the daemon does not answer")
}

func (s *stops) measure(ctx context.Context) error {
	runs, err := s.contest.Run(ctx, measure.Contestant{Name: "stop", Run: s.stop})
	if err != nil {
		return err
	}
	s.table.Add(measure.Claim{What: "a unit's failure to the rollout's stop", Unit: measure.Seconds, Ours: runs["stop"].Median().Wall.Seconds(), Most: 2})
	return nil
}

// stop rolls a version out that the first host does not have, and kills its unit.
func (s *stops) stop(ctx context.Context) (cost measure.Cost, err error) {
	h := s.fleet.Hosts()[0]
	if _, err := h.Exec(ctx, "systemctl", "restart", frail); err != nil {
		return cost, err
	}
	s.version = 3 - s.version // 1 or 2
	cmd := s.aptfleetCommand(ctx, "rollout", s.wanted(), "--to", "web", "--yes", "--json",
		"--batches", "1,100%", "--max-failures", "0", "--settle", "1s", "--pause", "30m")
	cmd.Stderr = s.log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return cost, err
	}
	cost.Wall, err = s.killed(ctx, h, out)
	_ = cmd.Wait() // the rollout was stopped, which is no success
	return cost, err
}

// killed reads the events of a rollout, kills the unit once it pauses, and returns
// how long after that it stopped.
func (s *stops) killed(ctx context.Context, h lab.Host, events io.Reader) (time.Duration, error) {
	var killed time.Time
	for lines := json.NewDecoder(events); ; {
		var e struct {
			Event string
			Time  time.Time
		}
		if err := lines.Decode(&e); err != nil {
			return 0, fmt.Errorf("the rollout was not stopped: %w", err)
		}
		switch e.Event {
		case "paused":
			var err error
			if killed, err = kill(ctx, h); err != nil {
				return 0, err
			}
		case "stopped":
			return e.Time.Sub(killed), nil
		}
	}
}

// kill kills the unit, and returns when, by the host's clock.
func kill(ctx context.Context, h lab.Host) (time.Time, error) {
	out, err := h.Exec(ctx, "sh", "-c", "date +%s%N; exec systemctl kill --signal=KILL "+frail)
	if err != nil {
		return time.Time{}, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Unix(0, ns), err
}
