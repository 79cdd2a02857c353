package simjob

import (
	"fmt"
	"strings"
)

// growing is a file that lines are added to, evenly over a time.
type growing struct {
	text string
	ends []int // of each line
}

func grow(lines []string) growing {
	var g growing
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line + "\n")
		g.ends = append(g.ends, text.Len())
	}
	g.text = text.String()
	return g
}

// size is how long the file is once a part of the time, from 0 to 1, is over.
func (g growing) size(part float64) int {
	lines := int(part * float64(len(g.ends)))
	if lines == 0 {
		return 0
	}
	return g.ends[lines-1]
}

func (g growing) until(part float64) string { return g.text[:g.size(part)] }

const lockHeld = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (unattended-upgr)"

// logLines are about n lines of what apt and dpkg print.
func logLines(names []string, versions map[string]string, n int) []string {
	lines := []string{"Reading package lists...", "Building dependency tree...", "Reading state information..."}
	for _, name := range names {
		lines = append(lines, fmt.Sprintf("Unpacking %s (%s) ...", name, versions[name]),
			fmt.Sprintf("Setting up %s (%s) ...", name, versions[name]))
	}
	for i := len(lines); i < n; i++ {
		lines = append(lines, fmt.Sprintf("line %d of what a maintainer script has to say about its work", i))
	}
	return lines
}

func postinstFailed(names []string) []string {
	var lines []string
	for _, name := range names {
		lines = append(lines, fmt.Sprintf("dpkg: error processing package %s (--configure):", name),
			fmt.Sprintf(" installed %s package post-installation script subprocess returned error exit status 1", name))
	}
	return append(lines, "E: Sub-process /usr/bin/dpkg returned an error code (1)")
}

// statusLines are what apt writes to its Status-Fd, with the phases of a job.
func statusLines(names []string) []string {
	lines := []string{"aptfleet:phase:repair-before", "aptfleet:phase:refresh", "aptfleet:phase:install"}
	for i, name := range names {
		for j, verb := range []string{"Preparing", "Unpacking", "Configuring", "Installed"} {
			percent := 100 * float64(4*i+j) / float64(4*len(names))
			lines = append(lines, fmt.Sprintf("pmstatus:%s:%.4f:%s %s (all)", name, percent, verb, name))
		}
	}
	return append(lines, "aptfleet:phase:verify")
}
