// Command aptfleet builds, publishes and rolls out Debian packages to a fleet.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/aptfleet/aptfleet/controller/cli"
)

func main() {
	collectLater()
	// The first signal asks: no new host is started, running apt is left to
	// finish. stop gives the second one back to the kernel, which ends us; the
	// jobs on the hosts go on.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
