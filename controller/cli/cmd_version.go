package cli

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
)

// versionLine is what version prints.
type versionLine struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	Arch    string `json:"arch"`
}

func (versionLine) kind() string { return "version" }

func (v versionLine) text(w io.Writer) {
	fmt.Fprintf(w, "aptfleet %s (%s, %s)\n", v.Version, v.Go, v.Arch)
}

func thisVersion() versionLine { return versionLine{version, runtime.Version(), runtime.GOARCH} }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of aptfleet",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.print(thisVersion())
		},
	}
}
