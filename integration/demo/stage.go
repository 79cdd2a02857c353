package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// stage is where the show plays: a folder, a fleet, and the commands that are
// run before the reader's eyes.
type stage struct {
	ctx     context.Context
	program string // aptfleet
	dir     string
	fleet   *lab.Lab
	server  *exec.Cmd // aptfleet repo serve
}

// title begins a part of the show.
func (s *stage) title(format string, args ...any) {
	fmt.Printf("\n\033[1m── "+format+"\033[0m\n", args...)
}

// run shows an aptfleet command and runs it in the show's folder.
func (s *stage) run(args ...string) error {
	if err := s.command(args...).Run(); err != nil {
		return fmt.Errorf("aptfleet %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// command shows an aptfleet command and prepares it.
func (s *stage) command(args ...string) *exec.Cmd {
	fmt.Printf("\n\033[36m$ aptfleet %s\033[0m\n", strings.Join(args, " "))
	cmd := exec.CommandContext(s.ctx, s.program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.dir, os.Stdin, os.Stdout, os.Stderr
	return cmd
}

// serve starts the repository's server, until stopServer.
func (s *stage) serve(args ...string) error {
	s.server = s.command(args...)
	return s.server.Start()
}

func (s *stage) stopServer() {
	if s.server == nil || s.server.Process == nil {
		return
	}
	_ = s.server.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	_ = s.server.Wait()                          // ends by the signal
}

// write puts a file into the show's folder.
func (s *stage) write(name, text string) error {
	return os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644)
}

// table shows what is installed on every host, asked of the host itself and
// not through SSH; on booted hosts the application answers too.
func (s *stage) table(pkg string) error {
	fmt.Printf("\n%-12s %-10s %-24s %s\n", "HOST", "DEBIAN", "INSTALLED", "IT ANSWERS")
	for _, h := range s.fleet.Hosts() {
		out, err := h.Exec(s.ctx, "dpkg-query", "-W", "-f", "${Package} ${Version}", pkg)
		if missing := new(exec.ExitError); errors.As(err, &missing) {
			out = []byte("nothing")
		} else if err != nil {
			return err
		}
		fmt.Printf("%-12s %-10s %-24s %s\n", h.Name(), h.Suite(), out, s.answer(h))
	}
	return nil
}

// answer returns what the application on a host says of itself.
func (s *stage) answer(h lab.Host) string {
	if s.fleet.Kind() != lab.Booted {
		return "(light hosts run no services)"
	}
	out, err := h.Exec(s.ctx, "curl", "-sS", "--max-time", "5", "http://127.0.0.1:8080/healthz")
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(out))
}
