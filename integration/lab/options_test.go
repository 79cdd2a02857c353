package lab

import (
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    Options
		env  string // of APTFLEET_LAB
		want string // part of the error; "" is none
	}{
		{"zero value", Options{}, "", ""},
		{"both suites", Options{Suites: []string{Bookworm, Trixie}}, "", ""},
		{"negative count", Options{Count: -1}, "", "Count is -1"},
		{"more than a subnet holds", Options{Count: 251}, "", "Count is 251"},
		{"unknown suite", Options{Suites: []string{"sarge"}}, "", `suite "sarge"`},
		{"unknown kind", Options{Kind: "paper"}, "", `kind "paper"`},
		{"kind by environment", Options{}, "light", ""},
		{"unknown kind by environment", Options{}, "paper", `kind "paper"`},
		{"options before environment", Options{Kind: Light}, "paper", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(kindVariable, tt.env)
			err := tt.o.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Validate: %v, want %q", err, tt.want)
			}
		})
	}
}

// TestKindByEnvironment starts the kind that the environment names, and says so.
func TestKindByEnvironment(t *testing.T) {
	t.Setenv(kindVariable, "light")
	l := ForTest(t, Options{})
	if l.Kind() != Light || l.Reason() != "APTFLEET_LAB=light" {
		t.Errorf("the lab is %s because of %q", l.Kind(), l.Reason())
	}
}
