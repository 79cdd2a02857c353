package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/aptfleet/aptfleet/inventory"
)

// confirm asks for the number of hosts before they are changed, which cannot be
// typed without having read it. Without a terminal to ask on, it wants --yes.
// An interrupt is an answer, too.
func (a *app) confirm(ctx context.Context, what string, hosts int) error {
	if !isTerminal(a.In) {
		return usageErrorf("%s changes %s: say --yes where nobody can be asked", what, inventory.Count(hosts))
	}
	fmt.Fprintf(a.Err, "%s changes %s. Type their number to go on: ", what, inventory.Count(hosts))
	if err := typed(ctx, a.In.(*os.File)); err != nil {
		fmt.Fprintln(a.Err)
		return fmt.Errorf("%w; nothing was done", err)
	}
	answer, err := bufio.NewReader(a.In).ReadString('\n')
	if strings.TrimSpace(answer) == strconv.Itoa(hosts) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("no answer: %w; nothing was done", err)
	}
	return fmt.Errorf("%q is not %d; nothing was done", strings.TrimSpace(answer), hosts)
}

// typed waits until a line can be read from a terminal, or the context ends: a
// read from it can't be taken back.
func typed(ctx context.Context, terminal *os.File) error {
	ended, end, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot wait for an answer: %w", err)
	}
	defer ended.Close()
	stop := context.AfterFunc(ctx, func() { _ = end.Close() }) // which the other end hears
	defer func() {
		if stop() {
			_ = end.Close() // nothing was written to it
		}
	}()
	either := []unix.PollFd{{Fd: int32(terminal.Fd()), Events: unix.POLLIN}, {Fd: int32(ended.Fd())}}
	for {
		_, err := unix.Poll(either, -1)
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted")
		case err == nil:
			return nil
		case !errors.Is(err, unix.EINTR):
			return fmt.Errorf("cannot wait for an answer: %w", err)
		}
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
