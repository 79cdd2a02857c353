// Package cli is aptfleet's command line: one file a command, each of which
// wires the rooms of the controller together and prints what they return.
//
// The files come in families:
//   - cmd_*: a file a command, with its flags and its help;
//   - client_*: what a command has the daemon do, where one runs;
//   - daemon*: the daemon: its parts, what it answers the API, and what it does for
//     each request;
//   - worker: what a worker of a cluster does with tasks;
//   - rollout_*: how a rollout is planned, run, decided of and held; on each host, and
//     by workers;
//   - schedule_*: the commands of schedules, and the rollouts that come of them;
//   - hosts_*: the connections to hosts, and what is asked of or done on each;
//   - repository*, journal*, installation, config_*: what the configuration names, opened;
//   - output*, progress*, confirm, exit: what people and scripts see.
//
// Results go to stdout, as text or, with --json, as one object a line; logs and
// progress go to stderr. Nothing here decides: a command reads its arguments,
// calls, and prints. Main may be called as a library, and by tests.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

// Streams are the files that a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// app is what all commands share: the streams and the flags of the root.
type app struct {
	Streams
	config string
	json   bool
	quiet  bool
	log    *slog.Logger
}

// Main runs one command line and returns the status to exit with. When ctx is
// cancelled, no new host is started and what runs is let finish.
func Main(ctx context.Context, args []string, s Streams) int {
	a := &app{Streams: s, log: slog.New(slog.NewTextHandler(s.Err, nil))}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errQuiet) {
		fmt.Fprintf(s.Err, "aptfleet: %v\n", err)
	}
	return exitStatus(err)
}

// Commands returns the tree of all commands, for their manual pages.
func Commands() *cobra.Command { return new(app).root() }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "aptfleet",
		Short: "Deploy Debian packages to a fleet over SSH and apt",
		Long: `aptfleet builds .deb packages, publishes them to a signed apt repository and
rolls them out to every host of an inventory, in parallel, over SSH.

Exit status: 0 all done; 1 cannot begin (configuration, journal); 2 wrong
usage; 3 some hosts failed, and retrying them can help; 4 stopped by a gate or budget,
or by a pause until somebody continues;
5 rolled back; 6 stuck: a person must look, and the message says at what.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", "", "`file` to read instead of ./aptfleet.toml or /etc/aptfleet/aptfleet.toml")
	flags.BoolVar(&a.json, "json", false, "print results as JSON, one object a line")
	flags.BoolVar(&a.quiet, "quiet", false, "print errors and results only, no progress")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} })
	root.AddCommand(
		a.initCommand(), a.buildCommand(), a.publishCommand(), a.promoteCommand(), a.repoCommand(),
		a.hostsCommand(), a.inventoryCommand(), a.pingCommand(), a.enrollCommand(), a.forgetCommand(),
		a.planCommand(), a.rolloutCommand(), a.resumeCommand(), a.continueCommand(), a.retryCommand(), a.rollbackCommand(), a.abortCommand(),
		a.statusCommand(), a.watchCommand(), a.logsCommand(), a.historyCommand(), a.healthCommand(), a.scheduleCommand(),
		a.serveCommand(), a.workerCommand(), a.tokenCommand(), a.clusterCommand(), a.doctorCommand(), a.versionCommand(), outputTopic(),
	)
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.HasSubCommands() && !cmd.Runnable() { // completion: cobra would take "completion tcsh" for a call for help
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	wrapArgs(root)
	return root
}

// wrapArgs makes every complaint about a command's arguments a usage error,
// which cobra itself does for flags only.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageErrorf("%w; see \"%s --help\"", err, cmd.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}
