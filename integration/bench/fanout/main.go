// Command fanout runs one command on every host of an inventory, and nothing
// else: what controller/remote costs without the rest of aptfleet. It prints
// each failure, and exits with 1 if there was one.
//
//	fanout -inventory inventory.toml -known-hosts known_hosts -parallel 512 WORD…
//
// Benchmarks measure it as a process of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"sync/atomic"

	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/inventory"
	"golang.org/x/sync/errgroup"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "fanout:", err)
		os.Exit(1)
	}
}

func run() error {
	path := flag.String("inventory", "inventory.toml", "the hosts")
	known := flag.String("known-hosts", "", "their keys")
	parallel := flag.Int("parallel", 512, "hosts at a time")
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
	if failed := everywhere(fleet, inv.Hosts(), *parallel, flag.Args()); failed > 0 {
		return fmt.Errorf("%d hosts failed", failed)
	}
	return nil
}

// everywhere returns on how many hosts the command failed.
func everywhere(fleet *remote.Fleet, hosts []inventory.Host, parallel int, argv []string) int64 {
	var failed atomic.Int64
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, host := range hosts {
		group.Go(func() error {
			link := fleet.Link(host)
			defer link.Close() // its result is in
			if _, err := link.Run(context.Background(), remote.Command{Argv: argv}); err != nil {
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
