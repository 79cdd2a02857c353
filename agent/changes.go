package agent

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"

	"github.com/aptfleet/aptfleet/agent/probe"
)

// changes tell what changed on the host. That they are told is a courtesy of the
// kernel: whoever waits for them looks by itself from time to time.
type changes struct {
	files     signal // the agent's own
	dpkg      signal
	connected signal // not of the host, but of the link

	paths []string // the agent's own files
	stamp string   // of them when they were last looked at
	watch map[string]signal
}

func newChanges(f Files, dpkg *probe.Dpkg) changes {
	c := changes{files: newSignal(), dpkg: newSignal(), connected: newSignal()}
	c.paths = []string{f.Settings, f.Probes, f.Token, f.seed()}
	c.watch = map[string]signal{dpkg.Dir: c.dpkg, f.Home: c.files}
	for _, path := range c.paths {
		c.watch[filepath.Dir(path)] = c.files
	}
	return c
}

// filesChanged reports whether the agent's files changed since it was last
// called; ca is one of them.
func (c *changes) filesChanged(ca string) bool {
	stamp := probe.Stamp(append(c.paths, ca)...)
	changed := stamp != c.stamp
	c.stamp = stamp
	return changed
}

// listen gives the signals until ctx ends.
func (c *changes) listen(ctx context.Context, log *slog.Logger) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("changes of files are seen late", "error", err)
		return
	}
	defer watcher.Close()
	for dir := range c.watch {
		if err := watcher.Add(dir); err != nil && !os.IsNotExist(err) {
			log.Warn("changes of files are seen late", "folder", dir, "error", err)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-watcher.Errors: // it missed some, which are seen late
		case event := <-watcher.Events:
			if s, ok := c.watch[filepath.Dir(event.Name)]; ok {
				s.give()
			}
		}
	}
}
