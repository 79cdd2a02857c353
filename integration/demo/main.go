// Command demo boots a small fleet on this machine and runs aptfleet's main job
// on it before the reader's eyes: two versions of a sample web application are
// built, published and rolled out, one after the other.
//
// Every command that it shows is one that an administrator types. It leaves
// nothing behind; with -keep it waits before it takes the fleet down, so that
// one can go on by hand.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/aptfleet/aptfleet/integration/lab"
)

func main() {
	hosts := flag.Int("hosts", 6, "how many hosts to boot")
	keep := flag.Bool("keep", false, "keep the fleet until interrupted")
	program := flag.String("aptfleet", "bin/aptfleet", "the program on show")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *program, *hosts, *keep); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

// run boots the fleet, plays the show, and takes everything down again.
func run(ctx context.Context, program string, hosts int, keep bool) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "aptfleet-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fleet, err := lab.Start(ctx, lab.Options{Count: hosts, Suites: []string{lab.Bookworm, lab.Trixie}, Log: os.Stdout})
	if err != nil {
		return err
	}
	s := &stage{ctx: ctx, program: program, dir: dir, fleet: fleet}
	err = s.play()
	if err == nil && keep {
		s.wait()
	}
	s.stopServer()
	if closed := fleet.Close(); err == nil {
		err = closed
	}
	return err
}

// wait keeps the fleet until the demo is interrupted.
func (s *stage) wait() {
	s.title("The fleet is yours until you press Ctrl-C")
	fmt.Printf("  cd %s && %s rollout shop-web --to array_of_new_webapps\n", s.dir, s.program)
	<-s.ctx.Done()
}
