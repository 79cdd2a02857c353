package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// collectLater puts off the first collection of garbage until the heap has
// 16 MiB instead of Go's 4. A command that publishes a package or asks for a status
// ends before that, and a collection would be a quarter of its work. From the
// first one on, the percentage is Go's default again, or what a command has set.
func collectLater() {
	const beforeFirst, standard = 400, 100
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(beforeFirst)
	runtime.AddCleanup(new([64]byte), func(int) { // the first collection finds the array
		if chosen := debug.SetGCPercent(standard); chosen != beforeFirst {
			debug.SetGCPercent(chosen)
		}
	}, 0)
}
