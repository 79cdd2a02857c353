package main

import (
	"maps"
	"slices"
	"testing"
)

func TestParseBenchmark(t *testing.T) {
	const output = "goos: linux\nBenchmarkKnown100-2   \t      30\t  36998571 ns/op\nBenchmarkKnown100-2  28  1.5 ns/op  16 B/op\n" +
		"BenchmarkKnownNot-2  28  7 ns/op\nPASS\nok  \tgithub.com/aptfleet/aptfleet/controller/remote\t1.735s\n"
	got, err := parseBenchmark(output, "BenchmarkKnown100")
	want := []reported{{"ns/op": 36998571}, {"ns/op": 1.5, "B/op": 16}}
	if err != nil || !slices.EqualFunc(got, want, maps.Equal) {
		t.Errorf("got %v, error %v", got, err)
	}
	for _, line := range []string{"BenchmarkKnown100-2 1 x ns/op\n", "BenchmarkKnown100-2 1 2 ns/op 3\n"} {
		if got, err := parseBenchmark(line, "BenchmarkKnown100"); err == nil {
			t.Errorf("%q was read as %v", line, got)
		}
	}
}
