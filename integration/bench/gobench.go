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
// rounds, and returns the median of what it reports by unit, such as "ns/op".
func (b *bench) goBenchmark(ctx context.Context, pkg, name string) (reported, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^"+name+"$", "-count", strconv.Itoa(b.contest.Rounds),
		"github.com/aptfleet/aptfleet/"+pkg)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("cannot run %s of %s: %w: %s", name, pkg, err, lastLines(string(out), 5))
	}
	rounds, err := parseBenchmark(string(out), name)
	if err != nil {
		return nil, fmt.Errorf("cannot read what %s of %s took: %w", name, pkg, err)
	}
	if len(rounds) == 0 {
		return nil, fmt.Errorf("there is no %s in %s: %s", name, pkg, lastLines(string(out), 5))
	}
	medians := reported{}
	for unit := range rounds[0] {
		values := make([]float64, len(rounds))
		for i, r := range rounds {
			values[i] = r[unit]
		}
		fmt.Fprintf(b.log, "%s: %.0f %s\n", name, values, unit)
		slices.Sort(values)
		medians[unit] = values[(len(values)-1)/2]
	}
	return medians, nil
}

// reported is what a benchmark reports, by unit.
type reported map[string]float64

// parseBenchmark returns what is in a benchmark's lines, as go test prints them:
// "BenchmarkName-2   30   36998571 ns/op   12 µs/host".
func parseBenchmark(output, name string) (rounds []reported, err error) {
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != "ns/op" {
			continue
		}
		// The number of cores is appended where there is more than one.
		if cores, ours := strings.CutPrefix(fields[0], name); !ours || cores != "" && cores[0] != '-' {
			continue
		}
		r := reported{}
		for pair := range slices.Chunk(fields[2:], 2) {
			value, err := strconv.ParseFloat(pair[0], 64)
			if err != nil || len(pair) < 2 {
				return nil, fmt.Errorf("cannot read %q", line)
			}
			r[pair[1]] = value
		}
		rounds = append(rounds, r)
	}
	return rounds, nil
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
