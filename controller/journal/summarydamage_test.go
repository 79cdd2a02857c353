package journal

import (
	"bytes"
	"compress/gzip"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// TestDamagedSummary: a summary that is damaged, of a newer version or gone is told, and
// what is lost besides summarised events is counted.
func TestDamagedSummary(t *testing.T) {
	for name, change := range map[string]func(h *history) []byte{
		"it has version 2, and this aptfleet reads up to 1": func(h *history) []byte { return pack(t, strings.Replace(string(encode(t, h)), `{"v":1`, `{"v":2`, 1)) },
		"unexpected EOF": func(h *history) []byte { whole := pack(t, string(encode(t, h))); return whole[:len(whole)-9] },
	} {
		b := openBus(t, t.TempDir())
		j := New(b, "ada")
		writeOld(t, j)
		h, err := j.replay(t.Context(), "R1")
		if err != nil {
			t.Fatal(err)
		}
		messages, err := h.summary("R1")
		if err != nil {
			t.Fatal(err)
		}
		messages[0].Data = change(&h)
		if _, err := b.PublishAll(t.Context(), messages...); err != nil {
			t.Fatal(err)
		}
		var gap *GapError
		for _, read := range []func() error{
			func() error { _, err := j.Read(t.Context(), "R1"); return err },
			func() error { _, err := j.Take(t.Context(), "R1"); return err },
			func() error {
				for _, err := range j.Watch(t.Context(), "R1") {
					return err
				}
				return nil
			},
		} {
			if err := read(); !errors.As(err, &gap) || !strings.Contains(err.Error(), name) {
				t.Errorf("with a summary that is damaged (%s): %v", name, err)
			}
		}
	}
}

// TestSummariseBesideDamage: a rollout that cannot be read keeps none of the others from
// being summarised, nor from having a purge ended that a crash had cut short.
func TestSummariseBesideDamage(t *testing.T) {
	b := openBus(t, t.TempDir())
	j := New(b, "ada")
	writeOld(t, j)
	h, err := j.replay(t.Context(), "R2")
	if err != nil {
		t.Fatal(err)
	}
	messages, err := h.summary("R2") // and then there was the crash
	if err != nil {
		t.Fatal(err)
	}
	messages = append(messages, bus.NewMessage(hostEvents("R1"), "damage", []byte("{")))
	for _, m := range messages {
		if _, err := b.PublishAll(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	_, err = j.Summarise(t.Context(), later)
	if err == nil || !strings.Contains(err.Error(), "cannot summarise R1: ") || strings.Count(err.Error(), "cannot summarise") != 1 {
		t.Errorf("Summarise returned %v, want an error of R1 alone", err)
	}
	left, err := b.Info(t.Context(), bus.Journal, hostEvents("R2"))
	if err != nil || len(left.State.Subjects) != 0 {
		t.Errorf("events of R2's hosts are left: %v, %v", left.State.Subjects, err)
	}
}

// TestLostSummary: without their summaries the rollouts are damaged, and all that they
// stood for is lost.
func TestLostSummary(t *testing.T) {
	b := openBus(t, t.TempDir())
	j := New(b, "ada")
	writeOld(t, j)
	all := events(t, b)
	if _, err := j.Summarise(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if err := b.Purge(t.Context(), bus.Journal, summarySubject("*", "*", "*"), 1<<60); err != nil {
		t.Fatal(err)
	}
	lost, _, err := j.Lost(t.Context())
	if want := all - events(t, b) + finishedRollouts; err != nil || int(lost) != want {
		t.Errorf("%d are lost, want %d, %v", lost, want, err)
	}
	var gap *GapError
	if _, err := j.Read(t.Context(), "R1"); !errors.As(err, &gap) {
		t.Errorf("it is read with %v", err)
	}
	if n, err := j.Summarise(t.Context(), later); n != 0 {
		t.Errorf("%d damaged rollouts are summarised, %v", n, err)
	}
}

// TestLargeSummary: it is in several messages.
func TestLargeSummary(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	hosts := manyHosts(2000)
	w := create(t, j, hosts...)
	var all sync.WaitGroup
	for _, h := range hosts {
		all.Go(func() {
			noise := make([]byte, 0, 2000)
			for len(noise) < 2000 {
				noise = append(noise, byte(' '+rand.IntN(90)))
			}
			failed := result(h, rollout.HostUnreachable)
			failed.Cause = string(noise)
			if err := w.Append(t.Context(), failed); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := told(t, j)
	if n, err := j.Summarise(t.Context(), later); n != 1 || err != nil {
		t.Fatalf("%d rollouts are summarised, %v", n, err)
	}
	info, err := j.bus.Info(t.Context(), bus.Journal, summarySubject("*", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, parts := range info.State.Subjects {
		if parts < 2 {
			t.Errorf("the summary is in %d messages", parts)
		}
	}
	if after := told(t, j); after != before {
		t.Error("it is not read as it was")
	}
}

func encode(t *testing.T, h *history) []byte {
	t.Helper()
	data, err := h.state.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func pack(t *testing.T, data string) []byte {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}
