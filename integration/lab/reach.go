package lab

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// hostPath is the PATH of commands on a host: root's on Debian.
const hostPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// waitDelay is how long the output of a command is waited for that was given up
// with its context: the command may live on, and hold the pipe.
const waitDelay = time.Second

// Command enters all namespaces of the host's first process.
func (h *bootedHost) Command(ctx context.Context, argv ...string) *exec.Cmd {
	h.mu.Lock()
	r := h.run
	h.mu.Unlock()
	pid := 0 // of which nsenter says that it is not there
	if r != nil {
		pid, _ = r.leader()
	}
	args := append([]string{"--all", "--target", strconv.Itoa(pid), "--"}, argv...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.Env = []string{hostPath, "HOME=/root", "LC_ALL=C"}
	cmd.WaitDelay = waitDelay
	return cmd
}

// Exec runs a command inside the host.
func (h *bootedHost) Exec(ctx context.Context, argv ...string) ([]byte, error) {
	return output(h.Name(), h.Command(ctx, argv...), argv)
}

// output runs cmd, whose argv on the host is given, for its standard output.
func output(host string, cmd *exec.Cmd, argv []string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s: cannot run %s: %w: %s", host, strings.Join(argv, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// Cut takes the machine's end of the host's link down.
func (h *bootedHost) Cut() error { return h.setLink("down") }

// Mend takes it up again.
func (h *bootedHost) Mend() error { return h.setLink("up") }

func (h *bootedHost) setLink(state string) error {
	if err := ip("link", "set", h.link(), state); err != nil {
		return fmt.Errorf("%s: %w", h.Name(), err)
	}
	return nil
}
