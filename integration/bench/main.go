// Command bench measures aptfleet beside its peers in one interleaved run, and
// holds the result against the project's targets.
//
//	bench [-rounds N] [-aptfleet bin/aptfleet] [SUBJECT…]
//
// It prints one table for all subjects, and exits with 1 if a target was
// missed, with 2 if something could not be measured at all. Without a subject
// it takes all of them. `make bench` builds aptfleet and installs the peers
// first.
//
// To add a subject, write one file named after it with a function
//
//	func publish(ctx context.Context, b *bench) error
//
// that measures (package measure says how) and adds its claims to b.table, and
// give it a line in subjects.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
)

// bench is what every subject is handed.
type bench struct {
	table    *measure.Table
	contest  measure.Contest // as many rounds as the user wants, logging to stderr
	dir      string          // an empty folder of the subject's own, removed afterwards
	aptfleet string          // absolute path of the program
	log      io.Writer
}

func main() {
	measure.Init()
	rounds := flag.Int("rounds", 3, "how often each contestant runs")
	aptfleet := flag.String("aptfleet", "bin/aptfleet", "the program to measure")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	missed, err := run(ctx, *rounds, *aptfleet, flag.Args())
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	case missed > 0:
		fmt.Fprintf(os.Stderr, "bench: %d targets missed\n", missed)
		os.Exit(1)
	}
}

// run measures the named subjects, prints the table also of what was measured
// before an error, and returns how many targets were missed.
func run(ctx context.Context, rounds int, aptfleet string, names []string) (missed int, err error) {
	chosen, err := choose(names)
	if err != nil {
		return 0, err
	}
	program, err := filepath.Abs(aptfleet)
	if err != nil {
		return 0, fmt.Errorf("cannot find %s: %w", aptfleet, err)
	}
	b := &bench{table: &measure.Table{}, contest: measure.Contest{Rounds: rounds, Log: os.Stderr}, aptfleet: program, log: os.Stderr}
	for _, s := range chosen {
		if err = b.measure(ctx, s); err != nil {
			break
		}
	}
	if _, printErr := b.table.WriteTo(os.Stdout); err == nil {
		err = printErr
	}
	return len(b.table.Missed()), err
}

// measure runs one subject in a folder of its own.
func (b *bench) measure(ctx context.Context, s subject) error {
	dir, err := os.MkdirTemp("", "bench-"+s.name+"-")
	if err != nil {
		return fmt.Errorf("%s: cannot make a folder: %w", s.name, err)
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	if err := s.run(ctx, b); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}
