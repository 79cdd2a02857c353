package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// Command is a program and its arguments, run without a shell. It gets the
// notice as JSON on its standard input, and its kind and rollout as APTFLEET_ON
// and APTFLEET_ROLLOUT.
type Command []string

// Validate refuses a command without a program.
func (c Command) Validate() error {
	if len(c) == 0 || c[0] == "" {
		return errors.New("a command has a program")
	}
	return nil
}

// send runs the command; it is killed when ctx ends.
func (c Command) send(ctx context.Context, n Notice) error {
	input, err := json.Marshal(n)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, c[0], c[1:]...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append(passedOn(), "APTFLEET_ON="+string(n.On), "APTFLEET_ROLLOUT="+string(n.Rollout))
	cmd.WaitDelay = time.Second // for children that keep its output open
	said := &headBuffer{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", c[0], err, health.Text(string(*said)))
	}
	return nil
}

// headBuffer keeps what a command says first, for an error, and no more than that.
type headBuffer []byte

// Write takes all of p, also what it drops: a command must not fail for its words.
func (b *headBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p[:min(len(p), health.MaxOutput-len(*b))]...)
	return len(p), nil
}

// passedOn is what of our environment a command is given: the rest may be
// secrets.
func passedOn() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "USER", "LANG", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
