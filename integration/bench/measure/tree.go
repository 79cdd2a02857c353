package measure

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// descendants returns the processes below root that still run (no zombies),
// from /proc (proc(5)). Processes that end while it looks are left out.
func descendants(root int) []int {
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil // no /proc: nothing can be sampled
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if parent, ok := parentOf(pid); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	var found []int
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		queue = append(queue, children[queue[0]]...)
		found = append(found, children[queue[0]]...)
	}
	return found
}

// parentOf reads a process's parent from /proc/PID/stat, whose second field,
// the name, stands in parentheses and may itself hold spaces and parentheses.
func parentOf(pid int) (parent int, ok bool) {
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 || fields[0] == "Z" {
		return 0, false
	}
	parent, err = strconv.Atoi(fields[1])
	return parent, err == nil
}

// residentBytes is a process's RSS; 0 if it has ended.
func residentBytes(pid int) int64 {
	statm, err := os.ReadFile(procFile(pid, "statm"))
	fields := strings.Fields(string(statm))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// proportionalBytes is a process's PSS: its own pages, and of those it shares
// its part. It is 0 if the process has ended.
func proportionalBytes(pid int) int64 {
	rollup, err := os.ReadFile(procFile(pid, "smaps_rollup"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(rollup)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "Pss:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

func sum(pids []int, bytes func(pid int) int64) int64 {
	var total int64
	for _, pid := range pids {
		total += bytes(pid)
	}
	return total
}

func procFile(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }
