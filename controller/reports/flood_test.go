package reports

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// TestFlood: who sends far too much, reports or what it may not, is banned, its
// neighbour's reports arrive, and neither the disk nor the log fills.
func TestFlood(t *testing.T) {
	s := newSite(t, t.TempDir())
	begun := time.Now()
	wild, calm := s.enroll("wild"), s.enroll("calm")
	before := s.onDisk()
	heard := func(said string) {
		calm.send(report("first", said))
		s.awaits("the neighbour's report", s.says("calm", said))
	}

	wild.flood("j.R1.ctl", 20_000)
	wild.flood("$JS.API.STREAM.CREATE.X", 20_000)
	heard("while it sends what it may not")
	for range 10 {
		garbage := `{"version":2,"` + strings.Repeat("x", health.MaxReport/2) + `":1}`
		if err := wild.conn.Publish(bus.ReportSubject(wild.id), []byte(garbage)); err != nil {
			t.Fatal(err)
		}
	}
	s.awaits("the log of garbage", func() bool { return s.logged("unknown field") })
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for range 20 { // it is thrown out, and comes back
			wild.flood(bus.ReportSubject(wild.id), 5000)
			_ = wild.connect() // while it is banned, it may be disconnected at once
		}
	}()
	heard("while it reports")
	<-stopped
	s.awaits("the log", func() bool { return s.logged("reports far too often") })
	heard("afterwards")

	if grown := s.onDisk() - before; grown > 64<<10 {
		t.Errorf("the state folder grew by %d bytes", grown)
	}
	lines, size := s.logSize()
	if most := 2 * (20 + int(time.Since(begun).Seconds()) + 1); lines > most || size > most*2000 {
		t.Errorf("there are %d lines in the log, of %d bytes, and %d are the most", lines, size, most)
	}
}

// flood sends as many messages to a subject as it can, up to so many.
func (a *agent) flood(subject string, count int) {
	data := []byte(`{"version":2,"boot":"b","at":"2026-11-23T12:00:00Z","audit":"` + strings.Repeat("x", health.MaxOutput) + `"}`)
	for i := 0; i < count && a.conn.Status() == nats.CONNECTED; i++ {
		_ = a.conn.Publish(subject, data) // it may be cut off in the middle
	}
	_ = a.conn.FlushTimeout(20 * time.Second) // likewise
}

// onDisk returns how many bytes there are in the state folder.
func (s *site) onDisk() (bytes int64) {
	s.t.Helper()
	err := filepath.WalkDir(s.state, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return bytes
}

func (s *site) logSize() (lines, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.log.String(), "\n"), s.log.Len()
}
