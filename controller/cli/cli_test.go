package cli

import (
	"bytes"
	"strings"
	"testing"
)

// run runs one command line without a terminal.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return status, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name, args string
		status     int
		says       string
	}{
		{"no command shows the help", "", exitDone, ""},
		{"unknown command", "deply", exitUsage, `unknown command "deply"`},
		{"unknown flag", "version --colour", exitUsage, "unknown flag: --colour"},
		{"superfluous argument", "version 2", exitUsage, `see "aptfleet version --help"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, _, stderr := run(t, strings.Fields(tt.args)...)
			if status != tt.status || !strings.Contains(stderr, tt.says) {
				t.Errorf("status %d and %q, want %d and %q", status, stderr, tt.status, tt.says)
			}
		})
	}
}

func TestVersionJSON(t *testing.T) {
	status, stdout, _ := run(t, "version", "--json")
	if want := `{"type":"version","version":"dev",`; status != exitDone || !strings.HasPrefix(stdout, want) {
		t.Errorf("status %d and %q, want 0 and %q", status, stdout, want)
	}
}
