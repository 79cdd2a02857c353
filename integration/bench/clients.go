package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/packaging/aptrepo"
	"github.com/aptfleet/aptfleet/packaging/sign"
)

// clients lets many hosts update in a loop while suites move under them, and
// counts what they have to complain of.
func clients(ctx context.Context, b *bench) error {
	const hosts, moves = 50, 200
	repository, err := moving(ctx, filepath.Join(b.dir, "repository"))
	if err != nil {
		return err
	}
	var missing atomic.Int64
	server := httptest.NewServer(countMissing(repository.Handler(), &missing))
	defer server.Close()
	source, err := repository.Source(server.URL, "nightly", "staging", "stable")
	if err != nil {
		return err
	}
	fleet, err := lab.Start(ctx, lab.Options{Count: hosts, Kind: lab.Light})
	if err != nil {
		return err
	}
	defer fleet.Close()

	l := &loops{stop: make(chan struct{}), log: b.log}
	for _, h := range fleet.Hosts() {
		if err := os.WriteFile(h.Path("/etc/apt/sources.list.d/aptfleet.sources"), source, 0o644); err != nil {
			return err
		}
		l.running.Go(func() { l.update(ctx, h) })
	}
	err = move(ctx, repository, filepath.Join(b.dir, "debs"), moves)
	close(l.stop)
	l.running.Wait()
	if err != nil {
		return err
	}
	fmt.Fprintf(b.log, "%d hosts updated %d times while suites moved %d times\n", hosts, l.updates.Load(), moves)
	what := fmt.Sprintf("%d hosts updating during %d publishes, promotes and switches back: ", hosts, moves)
	b.table.Add(
		measure.Claim{What: what + "faults", Ours: float64(l.faults.Load()), Most: 0},
		measure.Claim{What: what + "404", Ours: float64(missing.Load()), Most: 0},
		measure.Claim{What: what + "faults of verify", Ours: count(repository.Verify(ctx)), Most: 0},
	)
	return nil
}

// loops are hosts that update again and again.
type loops struct {
	running         sync.WaitGroup
	stop            chan struct{}
	updates, faults atomic.Int64
	log             io.Writer
}

// update runs until stop is closed, and at least once. apt warns of much that
// it does not fail for, on its standard error.
func (l *loops) update(ctx context.Context, h lab.Host) {
	const command = "exec apt-get -q -o APT::Update::Error-Mode=any -o Acquire::Retries=0 update 2>&1"
	for ctx.Err() == nil {
		if out, err := h.Exec(ctx, "sh", "-c", command); err != nil || complains(out) {
			l.faults.Add(1)
			fmt.Fprintf(l.log, "%s: %v: %s\n", h.Name(), err, out)
		}
		l.updates.Add(1)
		select {
		case <-l.stop:
			return
		default:
		}
	}
}

func complains(out []byte) bool {
	return strings.Contains(string(out), "\nW:") || strings.Contains(string(out), "\nE:")
}

func count(err error) float64 {
	if err == nil {
		return 0
	}
	return float64(1 + strings.Count(err.Error(), "\n"))
}

func countMissing(h http.Handler, missing *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&statusCounter{w, missing}, r)
	})
}

// statusCounter counts answers of 404.
type statusCounter struct {
	http.ResponseWriter
	missing *atomic.Int64
}

func (s *statusCounter) WriteHeader(status int) {
	if status == http.StatusNotFound {
		s.missing.Add(1)
	}
	s.ResponseWriter.WriteHeader(status)
}

func moving(ctx context.Context, root string) (*aptrepo.Repository, error) {
	key, err := sign.Generate("bench")
	if err != nil {
		return nil, err
	}
	return aptrepo.Create(ctx, aptrepo.Folder(root), sign.NewKeyring(key), aptrepo.Settings{Origin: "bench", Suites: []string{"nightly", "staging", "stable"}})
}

// move publishes a version to nightly, promotes it to staging and to stable,
// and switches stable back, over and over.
func move(ctx context.Context, r *aptrepo.Repository, dir string, moves int) error {
	debs, err := debCorpus(ctx, dir, "app", moves/4)
	if err != nil {
		return err
	}
	for _, path := range debs {
		published, err := r.Publish(ctx, "nightly", path)
		if err != nil {
			return err
		}
		name, version := published[0].Name, published[0].Version
		if err := r.Promote(ctx, name, version, "nightly", "staging"); err != nil {
			return err
		}
		if err := r.Promote(ctx, name, version, "staging", "stable"); err != nil {
			return err
		}
		if err := r.Remove(ctx, "stable", name, version); err != nil {
			return err
		}
	}
	return nil
}
