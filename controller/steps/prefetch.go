package steps

import (
	"context"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// Prefetch fetches what a plan brings and what it takes away, and installs
// nothing: afterwards the host needs no repository, be it to go on or to go back.
// spec is what Planned returned, with an ID of its own.
//
// It fails if a package that is to be installed is not there in the end; that an
// outgoing one is gone for good is a note. What was fetched stays; the host itself
// removes it by age. It may be repeated.
func Prefetch(ctx context.Context, sh hostjob.Shell, spec hostjob.Spec, watch hostjob.Watch) (notes []string, err error) {
	spec.Mode, spec.Manual = hostjob.Prefetch, nil
	outcome, err := hostjob.Run(ctx, sh, spec, watch)
	return outcome.Notes, judge(outcome, err)
}
