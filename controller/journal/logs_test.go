package journal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/inventory"
)

func TestLogs(t *testing.T) {
	folder := t.TempDir()
	j := New(openBus(t, folder), "ada")
	w := create(t, j, "a")
	big := strings.Repeat("0123456789abcde\n", 50_000) // more than one message may hold
	for i := range 3 * logShards {                     // hosts that share a subject with a
		fmt.Fprintf(j.LogWriter(t.Context(), w.ID(), inventory.HostName(fmt.Sprint("other-", i)), "install", 0), "other %d\n", i)
	}
	for _, part := range []struct {
		job    string
		offset int64
		text   string
	}{
		{"refresh", 0, "Get:1 InRelease\n"},
		{"install", 0, "Unpacking shop-web\n"},
		{"install", 19, "Setting up shop-web\n"},
		{"install", 10, "shop-web\nSetting up shop-web\ndone\n"}, // attached again, from before
		{"verify", 0, big},
		{"torn", 4, "later"},
	} {
		n, err := fmt.Fprint(j.LogWriter(t.Context(), w.ID(), "a", part.job, part.offset), part.text)
		if err != nil || n != len(part.text) {
			t.Fatalf("%s: wrote %d bytes, %v", part.job, n, err)
		}
	}
	logs, err := j.Logs(t.Context(), w.ID(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want := []JobLog{
		{Job: "refresh", Data: []byte("Get:1 InRelease\n")},
		{Job: "install", Data: []byte("Unpacking shop-web\nSetting up shop-web\ndone\n")},
		{Job: "verify", Data: []byte(big)},
		{Job: "torn", Data: []byte("later"), Gaps: 1},
	}
	if len(logs) != len(want) {
		t.Fatalf("%d logs are read, want %d", len(logs), len(want))
	}
	for i, log := range logs {
		if log.Job != want[i].Job || log.Gaps != want[i].Gaps || !bytes.Equal(log.Data, want[i].Data) {
			t.Errorf("%s with %d gaps and %d bytes: %.60q", log.Job, log.Gaps, len(log.Data), log.Data)
		}
	}
	if logs, err := j.Logs(t.Context(), w.ID(), "nobody"); err != nil || len(logs) != 0 {
		t.Errorf("the log of a host that said nothing is %v, %v", logs, err)
	}
}

// TestLogWriterContinues: one writer, many writes, as a job is followed.
func TestLogWriterContinues(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	w := create(t, j, "a")
	out := j.LogWriter(t.Context(), w.ID(), "a", "install", 0)
	for i := range 10 {
		if _, err := fmt.Fprintf(out, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	logs, err := j.Logs(t.Context(), w.ID(), "a")
	if err != nil || len(logs) != 1 || bytes.Count(logs[0].Data, []byte("\n")) != 10 || logs[0].Gaps != 0 {
		t.Errorf("the log is %+v, %v", logs, err)
	}
}
