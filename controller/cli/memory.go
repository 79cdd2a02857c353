package cli

import (
	"os"
	"runtime/debug"
)

// hostsGCPercent is how much garbage may lie about beside connections to hosts, in
// percent of what is live. Go's default of 100 costs memory for each of them and
// saves next to no CPU.
const hostsGCPercent = 30

// setGCPercent has garbage collected early, in a command that keeps connections to
// thousands of hosts, or to their agents. Others are better off with the default.
func setGCPercent(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
