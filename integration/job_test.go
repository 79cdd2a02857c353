package integration

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/integration/lab"
)

// jobStory is trouble on one host of a fleet: how it comes about, and how the
// job there must end. The other hosts must be done.
type jobStory struct {
	name    string
	trouble string                              // what the postinst there does
	prepare func(f *jobFleet, h lab.Host) error // before the job
	during  func(f *jobFleet, h lab.Host) error // while the postinst runs there, or a lock is waited for

	verdict hostjob.Verdict
	cause   string   // is within it
	notes   []string // one of them must be there, none wants none
	mend    func(f *jobFleet, h lab.Host) error
}

// waits is a script that goes on when the test says so.
const waits = `echo waiting; until [ -e "$DPKG_ROOT/etc/go" ]; do sleep 0.1; done`

const rebootedNote = "the host was restarted in the middle: begun again"

var jobStories = []jobStory{
	{name: "no trouble", verdict: hostjob.Done},
	{
		name: "held lock", verdict: hostjob.Done,
		prepare: func(f *jobFleet, h lab.Host) error {
			var err error
			f.release, err = h.HoldDpkgLock()
			return err
		},
		during: func(f *jobFleet, h lab.Host) error { return f.release() },
	},
	{
		name: "interrupted dpkg", verdict: hostjob.Done, notes: []string{"had to repair an interrupted dpkg: shop"},
		prepare: func(f *jobFleet, h lab.Host) error { return f.dpkg(h, "--unpack", f.build("0.1", "")) },
	},
	{
		name: "dpkg killed while it unpacked", verdict: hostjob.Done, notes: []string{"had to repair an interrupted dpkg: shop"},
		prepare: func(f *jobFleet, h lab.Host) error {
			if err := f.dpkg(h, "-i", f.build("0.1", "kill -9 $PPID")); err == nil {
				return errors.New("dpkg was not killed")
			}
			return nil
		},
	},
	{
		name: "full disk before the job", verdict: hostjob.NotStarted, cause: "cannot start a job: the host cannot write",
		prepare: func(f *jobFleet, h lab.Host) error { return h.FillDisk() },
		mend:    func(f *jobFleet, h lab.Host) error { return h.FreeDisk() },
	},
	{
		name: "full disk in the middle", verdict: hostjob.Broken, cause: "No space left on device",
		trouble: waits + `; cat /dev/zero >"$DPKG_ROOT/var/big"`,
		prepare: func(f *jobFleet, h lab.Host) error { return h.FreeDisk() }, // if it has one
		during:  func(f *jobFleet, h lab.Host) error { return errors.Join(h.FillDisk(), f.let(h)) },
		notes:   []string{"shop (half configured)"},
		mend: func(f *jobFleet, h lab.Host) error {
			return errors.Join(h.FreeDisk(), os.Remove(h.Path("var/big")))
		},
	},
	{
		name: "somebody else's broken source", verdict: hostjob.Done,
		prepare: func(f *jobFleet, h lab.Host) error {
			return os.WriteFile(h.Path("etc/apt/sources.list.d/other.list"), []byte("this is no source\n"), 0o644)
		},
		mend: func(f *jobFleet, h lab.Host) error { return os.Remove(h.Path("etc/apt/sources.list.d/other.list")) },
	},
	{
		name: "script that fails", verdict: hostjob.Broken,
		trouble: `echo migrating; echo "no database" >&2; exit 3`,
		cause:   "the post-installation script of shop failed with 3: no database", notes: []string{"shop (half configured)"},
	},
	{
		name: "script that asks", verdict: hostjob.Broken,
		trouble: `echo "Which database?"; read answer`,
		cause:   "the post-installation script of shop failed with 1: Which database?", notes: []string{"shop (half configured)"},
	},
	{
		name: "script that hangs", verdict: hostjob.Running, trouble: waits,
		cause: "it has not ended: Configuring shop",
		mend:  func(f *jobFleet, h lab.Host) error { return f.let(h) },
	},
	{
		name: "edited conffile", verdict: hostjob.Done,
		prepare: func(f *jobFleet, h lab.Host) error {
			return os.WriteFile(h.Path("etc/shop.conf"), []byte("edited\n"), 0o644)
		},
		mend: func(f *jobFleet, h lab.Host) error {
			if text, err := os.ReadFile(h.Path("etc/shop.conf")); err != nil || string(text) != "edited\n" {
				return errors.New("the edited file became " + string(text))
			}
			return nil
		},
	},
	{
		name: "link lost for 5 s", verdict: hostjob.Done, trouble: waits,
		during: func(f *jobFleet, h lab.Host) error {
			if err := errors.Join(h.Cut(), f.let(h)); err != nil {
				return err
			}
			<-time.After(5 * time.Second) // not to wait for something: it is the story
			return h.Mend()
		},
	},
	{
		name: "link lost for longer than the keep-alives", verdict: hostjob.Done, trouble: waits,
		during: func(f *jobFleet, h lab.Host) error {
			if err := errors.Join(h.Cut(), f.let(h)); err != nil {
				return err
			}
			<-f.lost
			return h.Mend()
		},
	},
	{
		name: "power lost in the middle of apt", verdict: hostjob.Done, trouble: waits,
		notes: []string{rebootedNote, "the job was killed: begun again"}, // light hosts share this machine's boot id
		during: func(f *jobFleet, h lab.Host) error {
			return errors.Join(h.PowerOff(), f.let(h), h.PowerOn(f.t.Context()))
		},
	},
	{
		name: "reboot in the middle of apt", verdict: hostjob.Done, trouble: waits,
		notes: []string{rebootedNote, "the job was killed: begun again"},
		during: func(f *jobFleet, h lab.Host) error {
			ctx, cancel := context.WithTimeout(f.t.Context(), 3*time.Minute)
			defer cancel()
			return errors.Join(h.Reboot(ctx), f.let(h))
		},
	},
}

// TestJobs plays the stories one after the other on the same hosts, a new
// version of the package for each.
func TestJobs(t *testing.T) {
	t.Parallel()
	f := newJobFleet(t, lab.Options{Count: 3, Suites: []string{lab.Bookworm, lab.Trixie}, Disk: 256 << 20})
	for i, s := range jobStories {
		version := "1." + string(rune('a'+i))
		t.Run(strings.ReplaceAll(s.name, " ", "-"), func(t *testing.T) {
			g := *f // with the subtest's t
			g.t = t
			g.play(s, version)
		})
	}
}

// play plays one story, and then installs the version where it could not be.
func (f *jobFleet) play(s jobStory, version string) {
	h := f.Hosts()[0]
	f.publish(version)
	f.write(h, "etc/trouble", s.trouble+"\n")
	if s.prepare != nil {
		if err := s.prepare(f, h); errors.Is(err, errors.ErrUnsupported) {
			f.t.Skip(err)
		} else {
			f.must(err)
		}
	}
	spec := hostjob.Spec{ID: "job-" + version, Owner: f.t.Name(), Mode: hostjob.Install,
		Packages: []hostjob.Target{{Name: "shop", Version: version}}}
	ends := f.runStory(s, h, spec)
	f.othersAreDone(ends)
	f.check(s, h, spec, ends[0])
	f.must(os.Remove(h.Path("etc/trouble")))
	if s.mend != nil {
		f.must(s.mend(f, h))
	}
	f.recover(s, spec)
	_ = os.Remove(h.Path("etc/go")) // most stories have none
}

// runStory runs the job everywhere, and what happens during it.
func (f *jobFleet) runStory(s jobStory, h lab.Host, spec hostjob.Spec) []jobEnd {
	f.lost = make(chan struct{})
	var begin, lose sync.Once
	happened := make(chan error, 1)
	watch := hostjob.Watch{Progress: func(p hostjob.Progress) {
		if p.Lost != "" {
			lose.Do(func() { close(f.lost) })
		}
		if s.during != nil && (strings.HasPrefix(p.Text, "Configuring shop") || p.Holder.Program == lab.LockHolder) {
			begin.Do(func() { go func() { happened <- s.during(f, h) }() })
		}
	}}
	if s.verdict == hostjob.Running {
		watch.Silence = 3 * time.Second
	}
	ends := f.run(spec, watch)
	begin.Do(func() {
		if happened <- nil; s.during != nil {
			f.t.Errorf("what was to happen during the job did not: %v", ends[0])
		}
	})
	f.must(<-happened)
	return ends
}

// check holds the end on the host in trouble against the story, and that its
// log came over whole.
func (f *jobFleet) check(s jobStory, h lab.Host, spec hostjob.Spec, end jobEnd) {
	f.t.Helper()
	if end.Verdict != s.verdict || !strings.Contains(end.Cause.String(), s.cause) {
		f.t.Errorf("%s is %s because %q, want %s because %q", h.Name(), end.Verdict, end.Cause, s.verdict, s.cause)
	}
	if s.notes == nil && len(end.Notes) > 0 || s.notes != nil && !hasNote(end.Notes, s.notes...) {
		f.t.Errorf("%s has the notes %q, want %q", h.Name(), end.Notes, s.notes)
	}
	if end.Verdict == hostjob.Done || end.Verdict == hostjob.Broken {
		if there := f.log(h, spec.ID); there != end.log {
			f.t.Errorf("%s has a log of %d bytes, %d came over:\n%s", h.Name(), len(there), len(end.log), there)
		}
	}
	if f.t.Failed() {
		f.t.Log(end)
	}
}

// recover brings the host in trouble to the version, as a retry does: by
// attaching to a job that still runs, else by another job.
func (f *jobFleet) recover(s jobStory, spec hostjob.Spec) {
	f.t.Helper()
	if s.verdict == hostjob.Done {
		return
	}
	if s.verdict != hostjob.Running {
		spec.ID += "-retry"
	}
	if end := f.runOn(f.t.Context(), f.hosts[0], spec, hostjob.Watch{}); end.Verdict != hostjob.Done {
		f.t.Errorf("once mended it is %v", end)
	}
}

// let lets a script that waits go on.
func (f *jobFleet) let(h lab.Host) error { return os.WriteFile(h.Path("etc/go"), nil, 0o644) }

// dpkg runs dpkg with an archive on a host.
func (f *jobFleet) dpkg(h lab.Host, action, archive string) error {
	data, err := os.ReadFile(archive)
	if err != nil {
		return err
	}
	name := "var/tmp/" + filepath.Base(archive)
	f.write(h, name, string(data))
	_, err = h.Exec(f.t.Context(), "sh", "-c", `dpkg "$1" "${APTFLEET_ROOT:-}/$2"`, "sh", action, name)
	return err
}

// TestJobWithoutSudo has a login that may not become root.
func TestJobWithoutSudo(t *testing.T) {
	t.Parallel()
	f := newJobFleet(t, lab.Options{Count: 1})
	if f.Kind() != lab.Booted {
		t.Skip("light hosts have one user, who is never another")
	}
	h := f.hosts[0]
	h.User = "nosudo"
	spec := hostjob.Spec{ID: "job", Owner: "test", Mode: hostjob.Install, Packages: []hostjob.Target{{Name: "shop"}}}
	if end := f.runOn(t.Context(), h, spec, hostjob.Watch{}); end.Verdict != hostjob.NotStarted || !errors.Is(end.err, remote.ErrBecome) {
		t.Errorf("the job is %v, want not started", end)
	}
}
