package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/tasks"
)

func (a *app) workerCommand() *cobra.Command {
	var parallel int
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Do tasks of the controllers of a cluster",
		Long: `Do tasks of controllers on other machines until it is stopped: for where one
machine does not reach enough hosts at once any more. It pulls them from the work
queue of the bus that [bus] url names, one for each free slot, and needs what a
controller needs to reach hosts: the inventory, and SSH keys. There may be any number
of workers, anywhere.

A controller, aptfleet serve or a command, plans, decides, waits until hosts are
healthy and journals. It has packages fetched, installed and rolled back, and hosts
restarted, by whichever worker has a free slot, and does itself what none has one for.
Hosts with tunnel = true it always does itself.

A worker may be killed at any time: another one, or the controller, attaches to
what it had begun, and no host runs apt twice. SIGTERM takes nothing new, lets hosts
that are worked on finish, for up to a minute, and leaves the rest to the others.
SIGHUP reads the configuration again, all of it or nothing, for the rollouts that it
begins to work on then. How many hosts it does at the same time follows it too, if
not given as --parallel: hosts at work are left to end. Under systemd it tells when
it is ready.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, _ []string, in *installation) error {
			if parallel < 0 {
				return usageErrorf("--parallel %d is less than one host", parallel)
			}
			return in.runWorker(cmd.Context(), parallel)
		}),
	}
	cmd.Flags().IntVar(&parallel, "parallel", 0, "slots: hosts at the same time; 0 is rollout.parallel of the configuration")
	return cmd
}

// runWorker does tasks of other controllers until ctx ends: so many at once, or as
// many as the configuration says if that is 0.
func (in *installation) runWorker(ctx context.Context, parallel int) (err error) {
	if len(in.Bus.URL) == 0 {
		return fmt.Errorf("cannot work for other controllers: %s names no cluster, which is [bus] url", in.Path)
	}
	if _, err := in.allHosts(); err != nil {
		return err
	}
	hangup, stop := sighups()
	defer stop()
	setGCPercent(hostsGCPercent)
	j, err := in.journal(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	own := newWorker(in, j)
	defer func() { err = errors.Join(err, own.close()) }()
	slots := cmp.Or(parallel, in.Rollout.Parallel)
	w := tasks.Worker{Name: author(), Slots: slots, Grace: shutdownGrace, Log: in.app.log, Work: own.do, Term: j.Term, Ready: func() {
		in.app.log.Info("this worker is ready", "slots", slots)
		in.app.notify(sd.SdNotifyReady)
	}}
	if parallel == 0 {
		own.resize = w.Resize
	}
	var reloading sync.WaitGroup
	defer reloading.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reloading.Go(func() { own.watchReload(ctx, hangup) })
	return w.Run(ctx, j.bus)
}
