package journal

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Of the sample that a child leaves when it is killed, these many events were
// appended some time before, and these just then.
const (
	markedEvents = 41
	lateEvents   = 10
)

// killedStore returns the state folder of a child that was killed, a while after its
// 41st event and at once after ten more. Its index knows of none of them.
func killedStore(t *testing.T) string {
	t.Helper()
	state := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestTornBehindMark$")
	child.Env = append(os.Environ(), "APTFLEET_TEST_MARK="+state)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	for in.Scan() && in.Text() != "written" {
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); child.ProcessState.Exited() {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return state
}

// writeMarked appends what killedStore says and waits to be killed.
func writeMarked(t *testing.T, state string) {
	j := New(openBus(t, state), "child")
	w := create(t, j, manyHosts(markedEvents+lateEvents)...)
	for i, host := range manyHosts(markedEvents + lateEvents - 1) {
		if i == markedEvents-1 {
			time.Sleep(2500 * time.Millisecond)
		}
		mustAppend(t, w, step(host, rollout.Doing))
	}
	fmt.Println("written")
	<-t.Context().Done()
}

// TestTornBehindMark cuts off, at many places, what a controller left that was killed,
// and of which no index says how much there was. What is lost is told as far as its mark
// goes, which may lack what was appended just before the kill; it is told again when
// the store is opened again, and not forgotten when there is more than before. Nothing
// is told of a store that lacks nothing.
func TestTornBehindMark(t *testing.T) {
	if state := os.Getenv("APTFLEET_TEST_MARK"); state != "" {
		writeMarked(t, state)
		return
	}
	t.Parallel() // the mark is waited for
	folder := killedStore(t)
	block := filepath.Join(messagesFolder(t, folder), "1.blk")
	sound, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	cuts := 12
	for n := range cuts + 1 {
		cut := len(sound) * n / cuts
		copied := copyWith(t, folder, block, sound[:cut])
		lost, kept := lossOf(t, copied)
		most, least := markedEvents+lateEvents-kept, max(0, markedEvents-kept)
		if lost < least || lost > most {
			t.Errorf("cut at %d of %d: %d events are there, and %d are lost, want %d to %d", cut, len(sound), kept, lost, least, most)
		}
		if n == cuts && (lost != 0 || kept != markedEvents+lateEvents) {
			t.Errorf("not cut: %d events are there and %d are lost", kept, lost)
		}
		if lost > 0 {
			told++
		}
		appendMore(t, copied)
		if again, _ := lossOf(t, copied); again != lost {
			t.Errorf("cut at %d: %d events are lost, and %d once there are more", cut, lost, again)
		}
	}
	if told < cuts/2 {
		t.Errorf("a loss was told %d times of %d", told, cuts)
	}
}

// lossOf returns how many events a store says are lost, and how many it has.
func lossOf(t *testing.T, folder string) (lost, kept int) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: folder})
	if err != nil {
		t.Fatal(err)
	}
	l, of, err := New(b, "reader").Lost(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return int(l), int(of - l)
}

// appendMore appends more than the store of the sample ever had.
func appendMore(t *testing.T, folder string) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	hosts := manyHosts(markedEvents + lateEvents)
	w := create(t, New(b, "writer"), hosts...)
	for _, host := range hosts {
		mustAppend(t, w, step(host, rollout.Doing))
	}
}

// TestTornAfterClose: who closes the journal leaves no event without the mark, not even
// the last.
func TestTornAfterClose(t *testing.T) {
	folder := t.TempDir()
	all := writeSample(t, folder)
	msgs := messagesFolder(t, folder)
	if err := os.Remove(filepath.Join(msgs, "index.db")); err != nil {
		t.Fatal(err)
	}
	block := filepath.Join(msgs, "1.blk")
	sound, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	if lost, kept := lossOf(t, copyWith(t, folder, block, sound)); lost != 0 || kept != len(all) {
		t.Errorf("without an index %d events are there and %d are lost", kept, lost)
	}
	if lost, kept := lossOf(t, copyWith(t, folder, block, sound[:len(sound)-1])); lost != 1 || kept != len(all)-1 {
		t.Errorf("without the last octet %d events are there and %d are lost", kept, lost)
	}
	gone := copyWith(t, folder, block, nil)
	if err := os.RemoveAll(filepath.Dir(messagesFolder(t, gone))); err != nil {
		t.Fatal(err)
	}
	if lost, kept := lossOf(t, gone); lost != len(all) || kept != 0 {
		t.Errorf("without the stream %d events are there and %d are lost", kept, lost)
	}
}

// TestNoMark: nothing is told of a store from before there were marks, or that has lost
// them; and from the next event on it has one.
func TestNoMark(t *testing.T) {
	folder := t.TempDir()
	all := writeSample(t, folder)
	marks := strings.Replace(messagesFolder(t, folder), bus.Journal, bus.BucketStream(bus.Marks), 1)
	if err := os.RemoveAll(filepath.Dir(marks)); err != nil {
		t.Fatal(err)
	}
	if lost, kept := lossOf(t, folder); lost != 0 || kept != len(all) {
		t.Errorf("%d events are there and %d are lost", kept, lost)
	}
	appendMore(t, folder)
	_, kept := lossOf(t, folder)
	if err := os.RemoveAll(filepath.Dir(messagesFolder(t, folder))); err != nil {
		t.Fatal(err)
	}
	if lost, _ := lossOf(t, folder); lost != kept {
		t.Errorf("%d events are lost of %d", lost, kept)
	}
	if err := os.WriteFile(filepath.Join(marks, "1.blk"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	lossOf(t, folder) // opens
}
