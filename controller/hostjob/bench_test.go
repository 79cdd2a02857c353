package hostjob

import (
	"context"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkLog follows a job with a log of 1,000 lines and what apt tells of it
// in seven answers, as they come from a job of 5 s. What the connection costs is
// measured in integration/bench.
func BenchmarkLog(b *testing.B) {
	var log, status strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&log, "Setting up package-%d (1.0-%d) ...\n", i, i)
		fmt.Fprintf(&status, "pmstatus:package-%d:%.4f:Installing package-%d (amd64)\n", i, float64(i)/10, i)
	}
	answers := inAnswers(log.String(), status.String(), 7)
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for b.Loop() {
		next := 0
		sh := shellFunc(func(bool, []string) ([]byte, error) { next++; return answers[next-1], nil })
		if o, err := Run(context.Background(), sh, spec, Watch{Log: io.Discard, Progress: func(Progress) {}}); o.Verdict != Done {
			b.Fatal(o, err)
		}
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	b.ReportMetric(float64((cpu(after)-cpu(before)).Microseconds())/float64(b.N), "cpu-µs/job")
}

func cpu(r syscall.Rusage) time.Duration {
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// inAnswers cuts a log and a status into n answers of a host.
func inAnswers(log, status string, n int) [][]byte {
	var answers [][]byte
	for i := range n {
		l, s := log[len(log)*i/n:len(log)*(i+1)/n], status[len(status)*i/n:len(status)*(i+1)/n]
		state, result := running, ""
		if i == n-1 {
			state, result = ended, doneResult
		}
		answers = append(answers, fmt.Appendf(nil, "aptfleet-job %s %d %d %d %d %d\n%s%s%s",
			state, len(log)*(i+1)/n, len(l), len(status)*(i+1)/n, len(s), len(result), l, s, result))
	}
	return answers
}
