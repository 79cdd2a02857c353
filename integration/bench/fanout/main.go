// Command fanout runs one command or one job on every host of an inventory, and
// nothing else: what controller/remote and controller/hostjob cost without the
// rest of aptfleet. It prints each failure, and exits with 1 if there was one.
//
//	fanout -inventory inventory.toml -known-hosts known_hosts -parallel 512 WORD…
//	fanout -inventory inventory.toml -known-hosts known_hosts -parallel 200 -job PACKAGE
//
// Benchmarks measure it as a process of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"sync/atomic"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/inventory"
	"golang.org/x/sync/errgroup"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(30) // as in aptfleet itself
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "fanout:", err)
		os.Exit(1)
	}
}

func run() error {
	path := flag.String("inventory", "inventory.toml", "the hosts")
	known := flag.String("known-hosts", "", "their keys")
	parallel := flag.Int("parallel", 512, "hosts at a time")
	job := flag.String("job", "", "package to install by a job, in place of a command")
	profile := flag.String("cpuprofile", "", "file for a profile of the CPU")
	flag.Parse()
	inv, err := inventory.Load(*path)
	if err != nil {
		return err
	}
	fleet, err := remote.New(remote.Options{KnownHosts: []string{*known}, Agent: "none"})
	if err != nil {
		return err
	}
	defer fleet.Close() // nothing runs any more
	if *profile != "" {
		stop, err := startProfile(*profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	work := command(flag.Args())
	if *job != "" {
		work = install(*job)
	}
	if failed := everywhere(fleet, inv.Hosts(), *parallel, work); failed > 0 {
		return fmt.Errorf("%d hosts failed", failed)
	}
	return nil
}

// work is what is done on a host.
type work func(ctx context.Context, link *remote.Link) error

func command(argv []string) work {
	return func(ctx context.Context, link *remote.Link) error {
		_, err := link.Run(ctx, remote.Command{Argv: argv})
		return err
	}
}

// install follows a job to its end, log and progress included, as a rollout
// does; both are dropped.
func install(name string) work {
	id := fmt.Sprintf("bench-%d", os.Getpid()) // the same id again would only look at the job that was
	spec := hostjob.Spec{ID: id, Owner: "bench", Mode: hostjob.Install, Packages: []hostjob.Target{{Name: name}}}
	return func(ctx context.Context, link *remote.Link) error {
		outcome, err := hostjob.Run(ctx, link, spec, hostjob.Watch{Log: io.Discard, Progress: func(hostjob.Progress) {}})
		if err == nil && outcome.Verdict != hostjob.Done {
			err = fmt.Errorf("%s: the job is %s: %v", link.Host().Name, outcome.Verdict, outcome.Cause)
		}
		return err
	}
}

// everywhere returns on how many hosts it failed.
func everywhere(fleet *remote.Fleet, hosts []inventory.Host, parallel int, do work) int64 {
	var failed atomic.Int64
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, host := range hosts {
		group.Go(func() error {
			link := fleet.Link(host)
			defer link.Close() // its result is in
			if err := do(context.Background(), link); err != nil {
				failed.Add(1)
				fmt.Fprintln(os.Stderr, err)
			}
			return nil
		})
	}
	_ = group.Wait() // always nil
	return failed.Load()
}

func startProfile(path string) (stop func(), err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("cannot profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, fmt.Errorf("cannot profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		file.Close()
	}, nil
}
