package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// goBenchmark runs one benchmark of a package of ours, as often as there are
// rounds, and returns the median of its nanoseconds an operation.
func (b *bench) goBenchmark(ctx context.Context, pkg, name string) (nanoseconds float64, err error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^"+name+"$", "-count", strconv.Itoa(b.contest.Rounds),
		"github.com/aptfleet/aptfleet/"+pkg)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("cannot run %s of %s: %w: %s", name, pkg, err, lastLines(string(out), 5))
	}
	times, err := parseBenchmark(string(out), name)
	if err != nil {
		return 0, fmt.Errorf("cannot read what %s of %s took: %w", name, pkg, err)
	}
	if len(times) == 0 {
		return 0, fmt.Errorf("there is no %s in %s: %s", name, pkg, lastLines(string(out), 5))
	}
	fmt.Fprintf(b.log, "%s: %.0f ns/op\n", name, times)
	slices.Sort(times)
	return times[(len(times)-1)/2], nil
}

// parseBenchmark returns the ns/op of a benchmark's lines, as go test prints
// them: "BenchmarkName-2   30   36998571 ns/op".
func parseBenchmark(output, name string) (times []float64, err error) {
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != "ns/op" {
			continue
		}
		// The number of cores is appended where there is more than one.
		if cores, ours := strings.CutPrefix(fields[0], name); !ours || cores != "" && cores[0] != '-' {
			continue
		}
		took, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	return times, nil
}

// goTest runs one test of a package of ours, which may take arguments, and returns
// what it logs.
func goTest(ctx context.Context, pkg, test string, args ...string) (string, error) {
	argv := []string{"test", "-v", "-count=1", "-timeout=30m", "-run", "^" + test + "$", "github.com/aptfleet/aptfleet/" + pkg}
	out, err := exec.CommandContext(ctx, "go", append(append(argv, "-args"), args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s failed: %w: %s", test, err, lastLines(string(out), 5))
	}
	return string(out), nil
}
