// Command agents plays both ends of the bus's door for the benchmark of reports:
//
//	agents controller FOLDER COUNT   listens, as "aptfleet serve" does
//	agents fleet FOLDER              is all the agents, in another process
//
// The controller makes the agents' keys, leaves them in FOLDER and says "ready".
// The fleet connects, says "connected" and reports every 10 s a host. When its
// input ends the controller says how old reports were when they arrived.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "agents:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 3 && args[0] == "controller":
		count, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return controller(ctx, args[1], count)
	case len(args) == 2 && args[0] == "fleet":
		return fleet(ctx, args[1])
	}
	return fmt.Errorf("want controller FOLDER COUNT, or fleet FOLDER: %q", args)
}
