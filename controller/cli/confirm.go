package cli

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// confirm asks for the number of hosts before they are changed, which cannot be
// typed without having read it. Without a terminal to ask on, it wants --yes.
func (a *app) confirm(what string, hosts int) error {
	if !isTerminal(a.In) {
		return usageErrorf("%s changes %d hosts: say --yes where nobody can be asked", what, hosts)
	}
	fmt.Fprintf(a.Err, "%s changes %d hosts. Type their number to go on: ", what, hosts)
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
