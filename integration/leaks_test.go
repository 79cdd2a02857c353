package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
)

// holdings is what a daemon, its state folder and those who are connected to it
// hold on to, where too much would be a leak.
type holdings struct {
	Goroutines, Files int // of the daemon
	Memory            int // bytes that it has live
	Connections       int // to its door, by how the kernel has them
	Agents            int // goroutines of who is connected
	Stored            int // files in the state folder
}

// labelled runs what starts goroutines that holdings are to count.
func labelled(t *testing.T, what func()) {
	pprof.Do(t.Context(), pprof.Labels("story", t.Name()), func(context.Context) { what() })
}

// holds returns what is held now.
func (f *fleet) holds(door string) holdings {
	f.t.Helper()
	m := f.metrics()
	return holdings{
		Goroutines: m["go_goroutines"], Files: m["process_open_fds"], Memory: m["go_memstats_heap_inuse_bytes"],
		Connections: f.connections(door), Agents: f.goroutines(), Stored: f.stored(),
	}
}

// metrics returns those of the daemon that have no labels.
func (f *fleet) metrics() map[string]int {
	f.t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", f.path("state/api.sock"))
	}
	transport := &http.Transport{DialContext: dial}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, "http://daemon/metrics", nil)
	f.must(err)
	answer, err := (&http.Client{Transport: transport}).Do(req)
	f.must(err)
	defer answer.Body.Close()
	values := map[string]int{}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			values[name] = int(value)
		}
	}
	f.must(lines.Err())
	return values
}

// connections counts those to an address that who made them has not closed
// (proc_pid_net(5)).
func (f *fleet) connections(address string) (n int) {
	f.t.Helper()
	host, text, err := net.SplitHostPort(address)
	f.must(err)
	port, err := strconv.Atoi(text)
	f.must(err)
	table, err := os.ReadFile("/proc/self/net/tcp")
	f.must(err)
	peer := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(net.ParseIP(host).To4()), port)
	const waits = "06" // TIME_WAIT: the kernel's own
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); fields[2] == peer && fields[3] != waits {
			n++
		}
	}
	return n
}

// goroutines counts those of this process that were labelled.
func (f *fleet) goroutines() (n int) {
	f.t.Helper()
	var profile bytes.Buffer
	f.must(pprof.Lookup("goroutine").WriteTo(&profile, 1))
	alike := 0
	for line := range strings.Lines(profile.String()) {
		if count, _, is := strings.Cut(line, " @ "); is {
			alike, _ = strconv.Atoi(count) // what is no number are no goroutines
		}
		if strings.HasPrefix(line, "# labels:") && strings.Contains(line, strconv.Quote(f.t.Name())) {
			n += alike
		}
	}
	return n
}

// stored counts the files in the state folder: those of streams, consumers and what
// is beside them.
func (f *fleet) stored() (n int) {
	f.t.Helper()
	f.must(filepath.WalkDir(f.path("state"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	}))
	return n
}

// keeps waits until no more is held than before, but for what comes and goes.
func (f *fleet) keeps(door string, before holdings) {
	f.t.Helper()
	var now holdings
	defer func() { f.t.Logf("held before: %+v, and now: %+v", before, now) }()
	until(f.t, "what is held is as before", func() bool {
		now = f.holds(door)
		return now.Goroutines <= before.Goroutines+20 && now.Files <= before.Files+10 && now.Memory <= 2*before.Memory &&
			now.Connections <= before.Connections && now.Agents <= before.Agents+20 && now.Stored <= before.Stored+2
	})
}
