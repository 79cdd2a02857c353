package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
)

// How the benchmark of reports is done: so many agents, and so long a look.
const (
	reportingAgents = 10_000
	reportingWarmUp = 15 * time.Second
	reportingFor    = 30 * time.Second
)

// reports lets 10,000 simulated agents report every 10 s to one controller, and
// looks at the controller's process alone.
func reports(ctx context.Context, b *bench) error {
	program := filepath.Join(b.dir, "agents")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/aptfleet/aptfleet/integration/bench/agents").CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the agents: %w: %s", err, out)
	}
	controller, err := b.begin(ctx, program, "controller", b.dir, strconv.Itoa(reportingAgents))
	if err != nil {
		return err
	}
	defer controller.end()
	idle, err := lookAt(controller.Process.Pid)
	if err != nil {
		return err
	}
	fleet, err := b.begin(ctx, program, "fleet", b.dir)
	if err != nil {
		return err
	}
	defer fleet.end()
	before, after, err := lookTwice(ctx, controller.Process.Pid)
	if err != nil {
		return err
	}
	var heard int
	var most, all float64
	if text, err := controller.askEnd(); err != nil {
		return err
	} else if _, err := fmt.Sscan(text, &heard, &most, &all); err != nil {
		return fmt.Errorf("cannot read %q: %w", text, err)
	}
	fmt.Fprintf(b.log, "reports: %d hosts heard, 99 %% of the reports within %.1f ms\n", heard, most)
	what := "10,000 agents reporting every 10 s: "
	b.table.Add(measure.Claim{What: what + "CPU of the controller in a second", Unit: measure.Seconds, Ours: (after.cpu - before.cpu).Seconds() / reportingFor.Seconds(), Most: 0.2})
	b.table.Add(measure.Claim{What: what + "memory of 1,000 connections", Unit: measure.Mebibytes, Ours: measure.MiB(after.resident-idle.resident) * 1000 / reportingAgents, Most: 70e3 * 1000 / (1 << 20)})
	b.table.Add(measure.Claim{What: what + "age of the oldest report when it can be read", Unit: measure.Milliseconds, Ours: all, Most: 1000})
	b.table.Add(measure.Claim{What: what + "hosts not heard of", Ours: float64(reportingAgents - heard), Most: 0})
	return nil
}

// part is a process that says when it is ready, and more at its end.
type part struct {
	*exec.Cmd
	in  io.Closer
	out *bufio.Reader
}

// begin starts a part and waits until it is ready.
func (b *bench) begin(ctx context.Context, argv ...string) (*part, error) {
	p := &part{Cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	p.Stderr = b.log
	in, inErr := p.StdinPipe()
	out, outErr := p.StdoutPipe()
	if err := errors.Join(inErr, outErr); err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.Start(); err != nil {
		return nil, err
	}
	if _, err := p.out.ReadString('\n'); err != nil {
		p.end()
		return nil, fmt.Errorf("%s did not get ready: %w", strings.Join(argv, " "), err)
	}
	return p, nil
}

// askEnd ends the part's input and returns what it then says.
func (p *part) askEnd() (string, error) {
	if err := p.in.Close(); err != nil {
		return "", err
	}
	return p.out.ReadString('\n')
}

func (p *part) end() {
	_ = p.Process.Signal(syscall.SIGKILL) // it may have ended
	_ = p.Wait()
}

// used is what a process has used so far.
type used struct {
	cpu      time.Duration
	resident int64 // bytes
}

// lookTwice looks at a process once it has warmed up, and again after a while.
func lookTwice(ctx context.Context, pid int) (before, after used, err error) {
	for _, look := range []struct {
		wait time.Duration
		into *used
	}{{reportingWarmUp, &before}, {reportingFor, &after}} {
		select {
		case <-ctx.Done():
			return before, after, context.Cause(ctx)
		case <-time.After(look.wait):
		}
		if *look.into, err = lookAt(pid); err != nil {
			return before, after, err
		}
	}
	return before, after, nil
}

// lookAt reads what a process has used (proc_pid_stat(5)).
func lookAt(pid int) (u used, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	_, rest, _ := strings.Cut(string(data), ") ") // the name may have blanks
	fields := strings.Fields(rest)
	const user, system, resident, perSecond = 11, 12, 21, 100 // utime, stime, rss; USER_HZ
	if len(fields) <= resident {
		return u, fmt.Errorf("cannot read %q", data)
	}
	var ticks int64
	for _, field := range []string{fields[user], fields[system]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return u, err
		}
		ticks += n
	}
	pages, err := strconv.ParseInt(fields[resident], 10, 64)
	return used{time.Duration(ticks) * time.Second / perSecond, pages * int64(os.Getpagesize())}, err
}
