package aptrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestPublishersAtOnce: processes and goroutines publish together, and nothing
// of any is lost.
func TestPublishersAtOnce(t *testing.T) {
	f := newFixture(t)
	key := f.keyFile()
	const each = 6
	var want []string
	done := make(chan error)
	for i := range 2 * each {
		name := fmt.Sprintf("app%02d", i)
		want = append(want, name+"_1.0_amd64")
		path := writeDeb(t, name, "1.0", "amd64", "")
		go func() {
			if i < each {
				_, err := f.Publish(t.Context(), "nightly", path)
				done <- err
				return
			}
			cmd := exec.Command(os.Args[0])
			cmd.Env = f.publishing(key, "nightly", path)
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			done <- err
		}()
	}
	for range 2 * each {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := f.has("nightly"); got != strings.Join(want, " ") {
		t.Errorf("nightly has %q, want %q", got, want)
	}
	f.verify()
}

// TestLockGivesUp: who waits for another publisher can be told to stop.
func TestLockGivesUp(t *testing.T) {
	f := newFixture(t)
	unlock, err := f.files.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	stopped := errors.New("stopped by hand")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	if _, err := f.Publish(ctx, "nightly", writeDeb(t, "app", "1.0", "amd64", "")); !errors.Is(err, stopped) {
		t.Errorf("Publish returned %v", err)
	}
}
