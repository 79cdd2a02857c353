package cli

import (
	"os"
	"runtime/debug"
)

// spareMemory has garbage collected early, in a command that keeps thousands of
// connections. They are live, and little is allocated while they wait: Go's
// default, which lets as much garbage lie about as is live, costs memory for each
// of them and saves next to no CPU. Others are better off with the default.
func spareMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(30)
	}
}
