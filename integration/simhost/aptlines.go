package simhost

import (
	"fmt"
	"strings"
)

var updateLines = []string{
	"Hit:1 http://archive.invalid/debian bookworm InRelease",
	"Get:2 http://archive.invalid/debian bookworm/main amd64 Packages [8790 kB]",
	"Fetched 8790 kB in 2s (4395 kB/s)",
	"Reading package lists...",
}

// installLines are what apt-get install prints.
func installLines(packages []target) []string {
	names := make([]string, len(packages))
	for i, p := range packages {
		names[i] = p.name
	}
	lines := []string{
		"Reading package lists...", "Building dependency tree...", "Reading state information...",
		"The following packages will be upgraded:", "  " + strings.Join(names, " "),
		fmt.Sprintf("%d upgraded, 0 newly installed, 0 to remove and 0 not upgraded.", len(names)),
	}
	for i, name := range names {
		lines = append(lines, fmt.Sprintf("Get:%d http://archive.invalid/debian bookworm/main amd64 %s amd64 1.2-3 [41.2 kB]", i+1, name))
	}
	lines = append(lines, "(Reading database ... 45231 files and directories currently installed.)")
	for _, name := range names {
		lines = append(lines, fmt.Sprintf("Preparing to unpack .../%s_1.2-3_amd64.deb ...", name),
			fmt.Sprintf("Unpacking %s (1.2-3) over (1.2-2) ...", name))
	}
	for _, name := range names {
		lines = append(lines, fmt.Sprintf("Setting up %s (1.2-3) ...", name))
	}
	return append(lines, "Processing triggers for libc-bin (2.36-9+deb12u13) ...")
}

// upgradeLines are about n lines of an upgrade; 0 means 20.
func upgradeLines(n int) []string {
	if n <= 0 {
		n = 20
	}
	packages := make([]target, max(1, (n-8)/4)) // four lines a package
	for i := range packages {
		packages[i].name = fmt.Sprintf("libsim%d", i)
	}
	return installLines(packages)
}
