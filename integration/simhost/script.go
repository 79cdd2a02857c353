package simhost

import (
	"context"
	"io"
	"time"
)

// Command is what a client asked a host to run.
type Command struct {
	Host           int
	User           string
	Line           string // as the client sent it, before any shell
	Fault          Fault  // what is wrong with the host; a Script plays Lock and Fail
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Disconnect     func() // cuts the connection
}

// Script plays a command and returns its exit status. It is called from many
// goroutines at once. ctx ends when the client is gone or sends a signal; a
// Script then returns, and its status does not matter.
type Script func(ctx context.Context, c Command) (status int)

// pause waits, and says false if ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
