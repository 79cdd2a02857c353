package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/controller/bus"
)

// TestKilledInSummarise kills who summarises, at any moment.
func TestKilledInSummarise(t *testing.T) {
	if state := os.Getenv("APTFLEET_TEST_SUMMARISE"); state != "" {
		fmt.Println("open")
		_, err := New(openBus(t, state), "child").Summarise(t.Context(), later)
		fmt.Println(err)
		<-t.Context().Done()
	}
	origin := t.TempDir()
	var before string
	func() {
		b, err := bus.Open(t.Context(), bus.Options{State: origin})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		writeOld(t, New(b, "ada"))
		before = told(t, New(b, "ada"))
	}()
	middle := 0
	for range crashes(12, 4) {
		folder := t.TempDir()
		if err := os.CopyFS(folder, os.DirFS(origin)); err != nil {
			t.Fatal(err)
		}
		killInSummarise(t, folder)
		b, err := bus.Open(context.Background(), bus.Options{State: folder})
		if err != nil {
			t.Fatal(err)
		}
		j := New(b, "ada")
		if diff := cmp.Diff(before, told(t, j)); diff != "" {
			t.Error(diff)
		}
		n, err := j.Summarise(t.Context(), later)
		if err != nil {
			t.Error(err)
		}
		if n > 0 && n < finishedRollouts {
			middle++
		}
		if diff := cmp.Diff(before, told(t, j)); diff != "" {
			t.Error(diff)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if middle == 0 {
		t.Error("none was killed in the middle")
	}
	t.Logf("%d were killed in the middle", middle)
}

func sizeOf(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// killInSummarise has a child summarise and kills it once it has written some of what
// it writes.
func killInSummarise(t *testing.T, folder string) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledInSummarise$")
	child.Env = append(os.Environ(), "APTFLEET_TEST_SUMMARISE="+folder)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	block := filepath.Join(messagesFolder(t, folder), "1.blk")
	begin, end := time.Now(), sizeOf(t, block)+rand.Int64N(20000)
	for sizeOf(t, block) <= end && time.Since(begin) < 10*time.Second {
		time.Sleep(time.Millisecond)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
}
