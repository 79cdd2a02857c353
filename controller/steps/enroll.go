package steps

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

//go:embed enroll.sh
var enrollScript string

// Enrolled is what enrolling a host has done to it.
type Enrolled string

// What Enroll may find.
const (
	Unchanged Enrolled = "unchanged" // the host had it all
	Repaired  Enrolled = "repaired"  // it had something else
	Written   Enrolled = "written"   // it had nothing
)

// Enroll writes the apt source of the repository, with its key, to a host.
// source is what aptrepo's Source returns. It may be repeated: what is there
// already stays as it is.
func Enroll(ctx context.Context, sh hostjob.Shell, source []byte) (Enrolled, error) {
	out, err := sh.Shell(ctx, enrollScript, string(source))
	if err != nil {
		return "", fmt.Errorf("cannot write the apt source: %w", err)
	}
	did, err := parseEnrolled(out)
	if err != nil {
		return "", fmt.Errorf("cannot write the apt source: %w", err)
	}
	return did, nil
}

// parseEnrolled reads what the scripts print at their end.
func parseEnrolled(out []byte) (Enrolled, error) {
	switch did := Enrolled(strings.TrimSpace(string(out))); did {
	case Unchanged, Repaired, Written:
		return did, nil
	}
	return "", fmt.Errorf("the host answered %.200q", out)
}
