// Aptfleet-agent reports the health of the host that it runs on. See its manual
// page, aptfleet-agent(8).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/aptfleet/aptfleet/agent"
	"github.com/aptfleet/aptfleet/agent/probe"
)

// version is set when a release is built.
var version = "0"

// Bounds of what the program takes: it is a guest on its host.
const (
	memory = 8 << 20 // bytes that the garbage collector tries to stay below
	early  = 20      // percent of growth after which it collects
	cores  = 1       // at a time; each further one, used or not, has memory of its own
)

const usage = `Usage: aptfleet-agent COMMAND

  run                  report to the controller, for ever
  report [--upgrades] [--package NAME]...
                       print one report
  identity             print the host's public key; make it if there is none
  version              print the version

  --etc FOLDER         of the configuration (/etc/aptfleet-agent)
  --home FOLDER        of the key (/var/lib/aptfleet-agent)
`

// errUsage is a command line that cannot be meant.
var errUsage = errors.New("wrong usage: see aptfleet-agent --help")

func main() {
	runtime.GOMAXPROCS(cores)
	debug.SetMemoryLimit(memory)
	debug.SetGCPercent(early)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	switch err := command(ctx, os.Args[1:], os.Stdout); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "aptfleet-agent:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "aptfleet-agent:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	etc, home string
	upgrades  bool
	packages  []string
}

// command does what args say, and writes results to out.
func command(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	o, err := parse(args[0], args[1:])
	if err != nil {
		return err
	}
	a := newAgent(o)
	switch args[0] {
	case "run":
		return a.Run(ctx)
	case "report":
		return report(ctx, a, o, out)
	case "identity":
		public, err := agent.Identity(a.Files)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, public)
		return err
	case "version":
		_, err := fmt.Fprintln(out, version)
		return err
	case "-h", "-help", "--help", "help":
		return flag.ErrHelp
	}
	return errUsage
}

func parse(name string, args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	flags.StringVar(&o.etc, "etc", "/etc/aptfleet-agent", "")
	flags.StringVar(&o.home, "home", "/var/lib/aptfleet-agent", "")
	if name == "report" {
		flags.BoolVar(&o.upgrades, "upgrades", false, "")
		flags.Func("package", "", func(name string) error { o.packages = append(o.packages, strings.Split(name, ",")...); return nil })
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return o, err
	case err != nil || flags.NArg() > 0:
		return o, errUsage
	}
	return o, nil
}

func newAgent(o options) *agent.Agent {
	dpkg := &probe.Dpkg{Dir: "/var/lib/dpkg"}
	return &agent.Agent{
		Files:   agent.Places(o.etc, o.home),
		Host:    &probe.Host{Dpkg: dpkg, Units: &probe.Units{}},
		Apt:     probe.Apt{Lists: "/var/lib/apt/lists"},
		Reboot:  &probe.Reboot{File: "/run/reboot-required", Dpkg: dpkg},
		Version: version,
		Log:     slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
	}
}

// withoutTime leaves the time to the journal.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

// report prints what the host is like now.
func report(ctx context.Context, a *agent.Agent, o options, out io.Writer) error {
	r, err := a.Once(ctx, o.packages, o.upgrades)
	if err != nil {
		return err
	}
	data, err := r.Encode()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", data)
	return err
}
