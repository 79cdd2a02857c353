package integration

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/integration/lab"
)

// damages are what a disk does to a file.
var damages = []struct {
	name string
	do   func(dice *rand.Rand, data []byte) []byte
}{
	{"cut off", func(dice *rand.Rand, data []byte) []byte { return data[:dice.IntN(len(data))] }},
	{"with a flipped bit", func(dice *rand.Rand, data []byte) []byte {
		data[dice.IntN(len(data))] ^= 1 << dice.IntN(8)
		return data
	}},
	{"with a page of zeros", func(dice *rand.Rand, data []byte) []byte {
		at := dice.IntN(len(data))
		clear(data[at:min(len(data), at+4096)])
		return data
	}},
	{"gone", func(*rand.Rand, []byte) []byte { return nil }},
}

// TestDamagedStore kills a controller in the middle of its second rollout and
// damages what it left, each time one file of the bus in some place. Whoever then
// asks is told of the damage, or sees the rollout as it was at some time; and
// whoever resumes is refused, or finishes it without any work done twice.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	f := interrupted(t)
	times, sound := f.pictures("R2"), f.path("state/bus")
	files := f.filesOf(sound)
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	told, seen := 0, 0
	for n := range 10 * len(damages) {
		file, damage := files[dice.IntN(len(files))], damages[n%len(damages)]
		copied := f.damaged(file, func(data []byte) []byte { return damage.do(dice, data) })
		what := fmt.Sprintf("seed %d, damage %d: %s %s", seed, n, file, damage.name)
		if copied.sees(what, times) {
			seen++
		} else {
			told++
		}
		if n%3 == 0 {
			copied.resumes(what)
		}
	}
	t.Logf("%d were told of damage, and %d saw the rollout as it was", told, seen)
	for _, h := range f.lab.Hosts() {
		if n := f.count(h, "R2-*-apt-*"); n != 1 {
			t.Errorf("%s has %d jobs of R2, want 1", h.Name(), n)
		}
	}
}

// interrupted is a fleet of two hosts, of which R1 is done, and whose controller was
// killed in the middle of R2; the hosts have done their part of it.
func interrupted(t *testing.T) *fleet {
	t.Helper()
	f := enrolledFleet(t, lab.Options{Count: 2, Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.publish(shop{version: "1.1"})
	f.put(f.host(2), faultFile, waiting)
	p := f.start("--json", "rollout", "shop=1.1", "--to", group, "--yes", "--parallel", "1")
	until(t, "web2 is in the middle of apt", func() bool { return strings.Contains(f.jobLog(f.host(2)), "waiting for the story") })
	time.Sleep(2500 * time.Millisecond) // until the journal's mark is written
	f.must(p.Process.Kill())
	<-p.ended
	f.put(f.host(2), goFile, "")
	until(t, "web2 has shop 1.1", func() bool { return f.version(f.host(2), "shop") == "1.1" })
	return f
}

// picture is how a rollout stands, in a line.
func picture(phase string, hosts []hostEnd) string {
	words := []string{phase}
	for _, h := range hosts {
		words = append(words, h.Host, h.Verdict)
	}
	return strings.Join(words, " ")
}

// pictures returns how a rollout stood after each of its events.
func (f *fleet) pictures(id rollout.ID) map[string]bool {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	defer cancel()
	b, err := bus.Open(ctx, bus.Options{State: f.path("state")})
	f.must(err)
	defer func() { f.must(b.Close()) }()
	j := journal.New(b, "story")
	whole, err := j.Read(ctx, id)
	f.must(err)
	all := map[string]bool{}
	var s rollout.State
	for e, err := range j.Watch(ctx, id) {
		f.must(err)
		f.must(s.Apply(e))
		var hosts []hostEnd
		for _, h := range s.Hosts() {
			hosts = append(hosts, hostEnd{Host: string(h.Name), Verdict: h.Verdict.String()})
		}
		all[picture(string(s.Phase), hosts)] = true
		if s.Events == whole.Events {
			break
		}
	}
	return all
}

// filesOf returns the files below a folder that have something in them.
func (f *fleet) filesOf(dir string) (files []string) {
	f.t.Helper()
	f.must(fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			files = append(files, path)
		}
		return err
	}))
	return files
}

// damaged returns another installation, for the same hosts, with a copy of the
// store in which one file is another; nil removes it.
func (f *fleet) damaged(file string, change func([]byte) []byte) *fleet {
	f.t.Helper()
	other := &fleet{t: f.t, lab: f.lab, dir: f.t.TempDir(), url: f.url}
	for _, name := range []string{"inventory.toml", "signing-key.asc", "aptfleet.toml"} {
		data, err := os.ReadFile(f.path(name))
		f.must(err)
		other.write(name, strings.ReplaceAll(string(data), f.path("state"), other.path("state")))
	}
	f.must(os.CopyFS(other.path("state/bus"), os.DirFS(f.path("state/bus"))))
	path := filepath.Join(other.path("state/bus"), file)
	data, err := os.ReadFile(path)
	f.must(err)
	if data = change(data); data == nil {
		f.must(os.Remove(path))
		return other
	}
	f.must(os.WriteFile(path, data, 0o600))
	return other
}

// sees asks for R2, and reports whether there was an answer. That must be one of
// the pictures; else the store or the rollout has to be named.
func (f *fleet) sees(what string, times map[string]bool) bool {
	f.t.Helper()
	a := f.run("status", "R2")
	if a.status != 0 {
		f.names(what, a)
		return false
	}
	end := a.end(f.t)
	if got := picture(end.Phase, end.Hosts); !times[got] {
		f.t.Errorf("%s: it shows %q, which never was so", what, got)
	}
	return true
}

// names wants a refusal to say that it is about the store.
func (f *fleet) names(what string, a answer) {
	f.t.Helper()
	if a.status != 1 || !strings.Contains(a.stderr, f.path("state")) && !strings.Contains(a.stderr, "the journal of R2 is damaged") && !strings.Contains(a.stderr, "there is no such rollout") {
		f.t.Errorf("%s: %s, and that is no word on the store", what, a)
	}
}

// resumes goes on with R2 from a damaged store.
func (f *fleet) resumes(what string) {
	f.t.Helper()
	a := f.run("resume", "R2")
	if a.status == 1 {
		f.names(what, a)
		return
	}
	if end := a.end(f.t); a.status != 0 || end.Summary["done"] != 2 {
		f.t.Errorf("%s: resumed, %s", what, a)
	}
	f.has("1.1", "1.1")
}
