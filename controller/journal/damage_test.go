package journal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// writeSample closes a journal with one rollout of 9 events and returns what is
// stored of it.
func writeSample(t *testing.T, folder string) []bus.Stored {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: folder})
	if err != nil {
		t.Fatal(err)
	}
	j := New(b, "ada")
	w := create(t, j, "a", "b")
	mustAppend(t, w, step("a", rollout.Doing), step("b", rollout.Doing), step("a", rollout.Done), result("a", rollout.HostDone))
	if w, err = j.Take(t.Context(), w.ID()); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, w, step("b", rollout.Done), result("b", rollout.HostDone))
	if _, err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all []bus.Stored
	for s, err := range j.bus.Present(t.Context(), bus.Journal, allEvents(w.ID())) {
		if err != nil {
			t.Fatal(err)
		}
		s.Data = bytes.Clone(s.Data)
		all = append(all, s)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

// fold adds messages to a fresh history and returns how many it took.
func fold(messages []bus.Stored) (history, int, error) {
	var h history
	for i, s := range messages {
		if _, err := h.read("R1", s); err != nil {
			return h, i, err
		}
	}
	return h, len(messages), nil
}

// TestChain leaves out, doubles and swaps every message in turn. Only the loss
// of the last leaves a whole chain.
func TestChain(t *testing.T) {
	all := writeSample(t, t.TempDir())
	if len(all) != 9 {
		t.Fatalf("%d messages are stored, want 9", len(all))
	}
	if _, _, err := fold(all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		last := i == len(all)-1
		damaged := map[string][]bus.Stored{
			"without": slices.Delete(slices.Clone(all), i, i+1),
			"twice":   slices.Insert(slices.Clone(all), i, all[i]),
		}
		if !last {
			swapped := slices.Clone(all)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			damaged["swapped"] = swapped
		}
		for what, messages := range damaged {
			_, n, err := fold(messages)
			var gap *GapError
			if noticed := errors.As(err, &gap); noticed == (last && what == "without") || n > i+1 {
				t.Errorf("message %d %s: noticed after %d: %v", i, what, n, err)
			}
		}
	}
}

// messagesFolder returns where the journal's messages lie in a state folder.
func messagesFolder(t *testing.T, state string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(state, "bus", "jetstream", "*", "streams", bus.Journal, "msgs"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the journal's messages are in %q, %v", found, err)
	}
	return found[0]
}

// TestFlippedBits flips one bit of every stored event on the disk, which the
// server passes over in silence.
func TestFlippedBits(t *testing.T) {
	t.Parallel() // the last event is waited for
	folder := t.TempDir()
	all := writeSample(t, folder)
	block := filepath.Join(messagesFolder(t, folder), "1.blk")
	sound, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range all {
		at := bytes.Index(sound, s.Data)
		if at < 0 {
			t.Fatalf("event %d is not in %s", i, block)
		}
		flipped := bytes.Clone(sound)
		flipped[at+len(s.Data)/2] ^= 1
		copied := copyWith(t, folder, block, flipped)
		state, err := readCopy(t, copied)
		checkListed(t, copied, i == 0 || i == len(all)-1)
		var gap *GapError
		if !errors.As(err, &gap) || state.Events != i {
			t.Errorf("event %d flipped: %d events, %v", i, state.Events, err)
		}
	}
}

// TestTorn cuts the store at many places, with the index that a crash leaves
// behind and without any: what is read is a beginning of what was written.
func TestTorn(t *testing.T) {
	folder := t.TempDir()
	all := writeSample(t, folder)
	msgs := messagesFolder(t, folder)
	block := filepath.Join(msgs, "1.blk")
	sound, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	stride := 149
	if testing.Short() {
		stride = 409
	}
	for _, index := range []bool{true, false} {
		for cut := 0; cut < len(sound); cut += stride {
			copied := copyWith(t, folder, block, sound[:cut])
			if !index {
				if err := os.Remove(filepath.Join(messagesFolder(t, copied), "index.db")); err != nil {
					t.Fatal(err)
				}
			}
			state, err := readCopy(t, copied)
			want, _, _ := fold(all[:state.Events])
			if state.Summary() != want.state.Summary() || state.Phase != want.state.Phase {
				t.Errorf("cut at %d of %d: %+v after %d events (%v)", cut, len(sound), state.Summary(), state.Events, err)
			}
			if index {
				checkLost(t, copied, len(all)-state.Events, len(all))
			}
			whole := bytes.Count(sound[:cut], []byte(`{"v":1`)) - 1 // the last may be cut
			if state.Events < whole {
				t.Errorf("cut at %d of %d: %d events are read, %d are whole: %v", cut, len(sound), state.Events, whole, err)
			}
		}
	}
}

// checkLost wants a store to know how much of it is lost.
func checkLost(t *testing.T, folder string, lost, of int) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if gotLost, gotOf, err := New(b, "reader").Lost(t.Context()); err != nil || gotLost != uint64(lost) || gotOf != uint64(of) {
		t.Errorf("%d of %d events are lost, %v, want %d of %d", gotLost, gotOf, err, lost, of)
	}
}

// copyWith copies a state folder with other contents for one of its files.
func copyWith(t *testing.T, folder, file string, data []byte) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel(folder, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(copied, rel), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

func readCopy(t *testing.T, folder string) (*rollout.State, error) {
	t.Helper()
	b, err := bus.Open(context.Background(), bus.Options{State: folder})
	if err != nil {
		return &rollout.State{}, err
	}
	defer b.Close()
	return New(b, "reader").Read(context.Background(), "R1")
}

// checkListed: a damaged rollout is listed, and does not hide the others.
func checkListed(t *testing.T, folder string, damaged bool) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	j := New(b, "reader")
	create(t, j, "a")
	list, err := j.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Err != nil || damaged && list[1].Err == nil {
		t.Errorf("listed are %+v, %v; the older one is damaged: %v", list, err, damaged)
	}
}
