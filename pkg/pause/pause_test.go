package pause

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	hangup := errors.New("hangup")
	for _, tt := range []struct {
		cancel, took time.Duration
		err          error
	}{
		{2 * time.Hour, time.Hour, nil},
		{time.Minute, time.Minute, hangup},
		{0, 0, hangup},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			time.AfterFunc(tt.cancel, func() { cancel(hangup) })
			synctest.Wait()
			start := time.Now()
			if err := For(ctx, time.Hour); !errors.Is(err, tt.err) || time.Since(start) != tt.took {
				t.Errorf("cancelled after %v, it took %v and returned %v", tt.cancel, time.Since(start), err)
			}
		})
	}
}
