package steps

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/remote"
)

// TestNoPlan: a host that could not be asked is unreachable, also where it was
// lost in the middle: nothing was done there. One whose apt would not is not.
func TestNoPlan(t *testing.T) {
	for _, tt := range []struct {
		err         error
		unreachable bool
	}{
		{remote.ErrUnreachable, true},
		{remote.ErrHostKey, true},
		{remote.ErrAuth, true},
		{remote.ErrLost, true},
		{remote.ErrBecome, false},
		{&hostjob.PlanError{Cause: hostjob.Cause{Text: "Failed to fetch"}}, false},
		{errors.New("the host's plan has no end"), false},
	} {
		p := NoPlan("web1", fmt.Errorf("web1: cannot plan: %w", tt.err))
		if want := "cannot plan: " + tt.err.Error(); p.Unreachable != tt.unreachable || p.Trouble != want {
			t.Errorf("without a plan because of %q the host is unreachable: %v, in trouble: %q; want %v, %q", tt.err, p.Unreachable, p.Trouble, tt.unreachable, want)
		}
	}
}
