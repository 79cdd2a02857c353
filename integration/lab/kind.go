package lab

import (
	"context"
	"fmt"
	"os"
)

// Kind is a kind of host.
type Kind string

// The kinds of host. The package comment says what they are.
const (
	AnyKind Kind = ""
	Booted  Kind = "booted"
	Light   Kind = "light"
)

// kindVariable is the environment variable that settles the kind of labs whose
// Options do not.
const kindVariable = "APTFLEET_LAB"

func (k Kind) validate() error {
	switch k {
	case AnyKind, Booted, Light:
		return nil
	}
	return fmt.Errorf("cannot start a lab: kind %q, want %s or %s", string(k), Booted, Light)
}

// chooseKind finds the kind that a lab is to have, and why.
func chooseKind(ctx context.Context, o Options) (Kind, string, error) {
	if o.Kind != AnyKind {
		return o.Kind, "asked for", nil
	}
	if k := Kind(os.Getenv(kindVariable)); k != AnyKind {
		return k, kindVariable + " says so", k.validate()
	}
	return Booted, "this machine can boot them", nil
}
