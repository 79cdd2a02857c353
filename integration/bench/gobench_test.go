package main

import (
	"slices"
	"testing"
)

func TestParseBenchmark(t *testing.T) {
	const output = "goos: linux\nBenchmarkKnown100-2   \t      30\t  36998571 ns/op\nBenchmarkKnown100-2  28  1.5 ns/op  16 B/op\n" +
		"BenchmarkKnownNot-2  28  7 ns/op\nPASS\nok  \tgithub.com/aptfleet/aptfleet/controller/remote\t1.735s\n"
	got, err := parseBenchmark(output, "BenchmarkKnown100")
	if err != nil || !slices.Equal(got, []float64{36998571, 1.5}) {
		t.Errorf("got %v, error %v", got, err)
	}
	if got, err := parseBenchmark("BenchmarkKnown100-2 1 x ns/op\n", "BenchmarkKnown100"); err == nil {
		t.Errorf("no number was read as %v", got)
	}
}
