package probe

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// memory judges what programs can still get without swapping.
func memory(p health.Probe) health.Result {
	_, available, err := MemoryOf("/proc/meminfo")
	if err != nil {
		return failed(p, err)
	}
	return health.JudgeFree(p, available)
}

// MemoryOf returns the bytes of memory that the host has, and those that
// programs can still get without swapping, from a file such as /proc/meminfo
// (proc_meminfo(5)).
func MemoryOf(path string) (total, available int64, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read the host's memory: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		switch f := strings.Fields(line); {
		case len(f) != 3 || f[2] != "kB":
		case f[0] == "MemTotal:":
			total, err = strconv.ParseInt(f[1], 10, 43)
		case f[0] == "MemAvailable:":
			available, err = strconv.ParseInt(f[1], 10, 43)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("cannot read the line %.80q of %s", line, path)
		}
	}
	if total == 0 {
		return 0, 0, fmt.Errorf("cannot read the host's memory: %s does not tell it", path)
	}
	return total << 10, min(total, available) << 10, nil
}
