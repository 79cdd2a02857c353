package measure

import (
	"os"
	"syscall"
	"time"
)

// sampleUntil follows the memory of all descendants until ended yields. Once
// stop yields it asks them to end, and goes on.
func sampleUntil(ended <-chan error, stop <-chan os.Signal) Cost {
	const every, everyPSS = 100 * time.Millisecond, 4 // reading PSS makes the kernel walk all pages
	var peak Cost
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; ; i++ {
		tree := descendants(os.Getpid())
		peak.Processes = max(peak.Processes, len(tree))
		peak.RSS = max(peak.RSS, sum(tree, residentBytes))
		if i < 10 || i%everyPSS == 0 {
			peak.PSS = max(peak.PSS, sum(tree, proportionalBytes))
		}
		select {
		case <-ended:
			return peak
		case <-stop:
			stop = nil
			signalAll(syscall.SIGTERM)
		case <-tick.C:
		}
	}
}

// signalAll sends signal to all descendants, some of which may have ended.
func signalAll(signal syscall.Signal) {
	for _, pid := range descendants(os.Getpid()) {
		_ = syscall.Kill(pid, signal)
	}
}
