package cli

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/aptfleet/aptfleet/inventory"
)

// confirm asks for the number of hosts before they are changed, which cannot be
// typed without having read it. Without a terminal to ask on, it wants --yes.
func (a *app) confirm(what string, hosts int) error {
	if !isTerminal(a.In) {
		return usageErrorf("%s changes %s: say --yes where nobody can be asked", what, inventory.Count(hosts))
	}
	fmt.Fprintf(a.Err, "%s changes %s. Type their number to go on: ", what, inventory.Count(hosts))
	answer, err := bufio.NewReader(a.In).ReadString('\n')
	if strings.TrimSpace(answer) == strconv.Itoa(hosts) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("no answer: %w; nothing was done", err)
	}
	return fmt.Errorf("%q is not %d; nothing was done", strings.TrimSpace(answer), hosts)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
