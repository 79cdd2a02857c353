package cli

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/aptfleet/aptfleet/controller/config"
)

// TestBegin: who asks for a rollout gets its id once it is journaled, or the error
// before that. The error after that is for the log, where nobody waits for it.
func TestBegin(t *testing.T) {
	full := errors.New("the disk is full")
	for _, tt := range []struct {
		name  string
		begun bool
		err   error
		log   int // lines
	}{
		{"refused", false, full, 0},
		{"left", true, full, 1},
		{"ended", true, nil, 0},
		{"ended badly, which is in the journal", true, errQuiet, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log console
			done := make(chan struct{})
			d := newDaemon(slog.New(slog.NewTextHandler(&log, nil)), &config.Config{}, openJournal{}, func(do func(context.Context)) {
				go func() {
					defer close(done)
					do(t.Context())
				}()
			})
			id, err := d.start(t.Context(), "ada", func(_ context.Context, in *installation) error {
				if tt.begun {
					in.request.begun <- "R1"
				}
				return tt.err
			})
			<-done
			if tt.begun != (id == "R1") || tt.begun == (err != nil) {
				t.Errorf("it is %q, with %v", id, err)
			}
			if n := log.lines; n != tt.log {
				t.Errorf("the log has %d lines, want %d", n, tt.log)
			}
		})
	}
}

// console counts what is logged.
type console struct{ lines int }

func (c *console) Write(p []byte) (int, error) {
	c.lines++
	return len(p), nil
}
