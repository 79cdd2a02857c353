package hostjob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// waiting is a package whose script says that it waits, and goes on when the
// test makes the file "go" in the host's root.
var waiting = pkg{name: "app", version: "1.0", postinst: `echo waiting; until [ -e "$APTFLEET_ROOT/go" ]; do sleep 0.1; done; echo going`}

// begin starts a job in the background and returns once cond holds for its
// progress.
func (h *host) begin(spec hostjob.Spec, cond func(hostjob.Progress) bool) (end func() (hostjob.Outcome, error), cancel func()) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	reached, ended := make(chan bool, 1), make(chan bool)
	var o hostjob.Outcome
	var err error
	go func() {
		defer close(ended)
		o, err = hostjob.Run(ctx, h, h.spec(spec), hostjob.Watch{Progress: func(p hostjob.Progress) {
			if cond(p) {
				select {
				case reached <- true:
				default:
				}
			}
		}})
	}()
	end = func() (hostjob.Outcome, error) { <-ended; return o, err }
	h.t.Cleanup(func() { cancel(); <-ended })
	select {
	case <-reached:
	case <-ended:
		h.t.Fatalf("the job ended as %+v, %v\n%s", o, err, h.log(spec.ID))
	}
	return end, cancel
}

func configuring(p hostjob.Progress) bool { return strings.Contains(p.Text, "Configuring app") }

func TestAttach(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.publish(waiting)
	spec := h.spec(hostjob.Spec{Packages: targets("app")})
	end, cancel := h.begin(spec, configuring)
	cancel() // the controller dies
	if o, err := end(); o.Verdict != hostjob.Running || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Run returned %s and %v, want running", o.Verdict, err)
	}
	h.write("go", "")
	for range 2 { // while it runs, and long after
		var log bytes.Buffer
		o, err := hostjob.Run(t.Context(), h, spec, hostjob.Watch{Log: &log})
		if err != nil || o.Verdict != hostjob.Done || log.String() != h.log("") {
			t.Errorf("attaching returned %s and %v and the log %q", o.Verdict, err, log.String())
		}
	}
	if n := strings.Count(h.log(""), "waiting"); n != 1 {
		t.Errorf("the script ran %d times", n)
	}
	other := spec
	other.Packages = targets("lib")
	if o, err := hostjob.Run(t.Context(), h, other, hostjob.Watch{}); o.Verdict != hostjob.NotStarted || !errors.Is(err, hostjob.ErrOtherSpec) {
		t.Errorf("another spec under the same id returned %s and %v", o.Verdict, err)
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.publish(waiting)
	o, err := hostjob.Run(t.Context(), h, h.spec(hostjob.Spec{Packages: targets("app")}), hostjob.Watch{Silence: time.Second})
	if err != nil || o.Verdict != hostjob.Running || o.Cause.Package != "app" || o.Cause.String() != "it has not ended: Configuring app ("+arch(t)+"): waiting" {
		t.Errorf("Run returned %+v and %v", o, err)
	}
}

func arch(t *testing.T) string {
	out, err := exec.Command("dpkg", "--print-architecture").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestLease(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.publish(waiting)
	end, _ := h.begin(hostjob.Spec{Owner: "alice", Packages: targets("app")}, configuring)
	_, err := hostjob.Run(t.Context(), h, h.spec(hostjob.Spec{ID: "second", Owner: "bob", Packages: targets("app")}), hostjob.Watch{})
	if lease, ok := errors.AsType[*hostjob.LeaseError](err); !ok || lease.Owner != "alice" || lease.Until.Before(time.Now()) {
		t.Errorf("bob's job returned %v, want alice's lease", err)
	}
	if o, err := hostjob.Run(t.Context(), h, h.spec(hostjob.Spec{Owner: "bob", Packages: targets("app")}), hostjob.Watch{}); o.Verdict != hostjob.NotStarted {
		t.Errorf("bob may attach to alice's job: %s and %v", o.Verdict, err)
	}
	h.write("go", "")
	if o, err := end(); o.Verdict != hostjob.Done {
		t.Errorf("alice's job is %s, %v", o.Verdict, err)
	}
	if o := h.run(hostjob.Spec{ID: "second", Owner: "bob", Packages: targets("app")}); o.Verdict != hostjob.Done {
		t.Errorf("bob's job after alice's is %s", o.Verdict)
	}
	h.write("var/lib/aptfleet/lease", "1000000000 alice\n")
	if o := h.run(hostjob.Spec{ID: "third", Owner: "bob", Packages: targets("app")}); o.Verdict != hostjob.Done {
		t.Errorf("bob's job under an expired lease is %s", o.Verdict)
	}
}

// TestHeldLocks has another process hold each of apt's locks for a while.
func TestHeldLocks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock", "var/lib/apt/lists/lock", "var/cache/apt/archives/lock"} {
		t.Run(filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.publish(pkg{name: "app", version: "1.0"})
			lock := h.lock(name)
			end, _ := h.begin(hostjob.Spec{Packages: targets("app")}, func(p hostjob.Progress) bool {
				return p.Holder == hostjob.Holder{PID: os.Getpid(), Program: "hostjob.test"}
			})
			h.must(lock.Close())
			if o, err := end(); err != nil || o.Verdict != hostjob.Done {
				t.Errorf("the job is %+v, %v\n%s", o, err, h.log(""))
			}
		})
	}
}

// lock takes a lock as dpkg and apt do.
func (h *host) lock(name string) *os.File {
	h.t.Helper()
	f, err := os.OpenFile(filepath.Join(h.root, name), os.O_RDWR|os.O_CREATE, 0o640)
	h.must(err)
	h.t.Cleanup(func() { f.Close() })
	h.must(syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK}))
	return f
}

func TestLockHeldForTooLong(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.publish(pkg{name: "app", version: "1.0"})
	h.lock("var/lib/dpkg/lock-frontend")
	o := h.run(hostjob.Spec{Packages: targets("app"), LockTimeout: time.Second})
	want := fmt.Sprintf("It is held by process %d (hostjob.test)", os.Getpid())
	if o.Verdict != hostjob.Broken || !strings.Contains(o.Cause.Text, want) {
		t.Errorf("the job is %+v, want broken because %s", o, want)
	}
}

// TestKilled kills a part of the job in the middle of a script.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		kill  func(h *host, work int)
		notes []string
	}{
		{"the work", func(h *host, work int) { h.kill(work) }, []string{"the job was killed: begun again"}},
		{"apt", func(h *host, work int) { h.kill(h.child(work, "apt-get")) }, []string{"had to repair an interrupted dpkg: app"}},
		{"dpkg", func(h *host, work int) { h.kill(h.child(h.child(work, "apt-get"), "dpkg")) }, []string{"had to repair an interrupted dpkg: app"}},
		{"all of it", func(h *host, work int) { h.killTree(work) }, []string{"the job was killed: begun again", "had to repair an interrupted dpkg: app"}},
		{"the host", func(h *host, work int) {
			h.write("var/lib/aptfleet/jobs/job/boot_id", "of an earlier boot\n") // before the work is gone, or it would be found dead first
			h.killTree(work)
		}, []string{"the host was restarted in the middle: begun again", "had to repair an interrupted dpkg: app"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.publish(waiting)
			end, _ := h.begin(hostjob.Spec{Packages: targets("app")}, configuring)
			pid, err := strconv.Atoi(strings.Fields(h.read("var/lib/aptfleet/jobs/job/pid"))[0])
			h.must(err)
			tt.kill(h, pid)
			h.write("go", "")
			o, err := end()
			if err != nil || o.Verdict != hostjob.Done || o.After["app"] != "1.0" || !slices.Equal(o.Notes[:min(len(tt.notes), len(o.Notes))], tt.notes) {
				t.Errorf("the job is %+v, %v, want done with notes %q\n%s", o, err, tt.notes, h.log(""))
			}
		})
	}
}

func (h *host) kill(pid int) {
	h.t.Helper()
	h.must(syscall.Kill(pid, syscall.SIGKILL))
}

// child returns the child of a process that runs a program.
func (h *host) child(pid int, program string) int {
	h.t.Helper()
	out, err := exec.Command("ps", "-o", "pid=,comm=", "--ppid", strconv.Itoa(pid)).Output()
	h.must(err)
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); f[1] == program {
			n, err := strconv.Atoi(f[0])
			h.must(err)
			return n
		}
	}
	h.t.Fatalf("process %d has no child %s but %s", pid, program, out)
	return 0
}

// TestDyingAgainAndAgain has a job whose script kills the work each time.
func TestDyingAgainAndAgain(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.publish(pkg{name: "app", version: "1.0", postinst: `read -r pid _ <"$APTFLEET_ROOT/var/lib/aptfleet/jobs/job/pid"; kill -9 "$pid"`})
	o, err := hostjob.Run(t.Context(), h, h.spec(hostjob.Spec{Packages: targets("app")}), hostjob.Watch{})
	if o.Verdict != hostjob.Done && (o.Verdict != hostjob.Unknown || err == nil) {
		t.Errorf("the job is %s, %v", o.Verdict, err)
	}
	if o.Attempts < 2 {
		t.Errorf("the job took %d attempts", o.Attempts)
	}
}

// TestOldJobsAreRemoved holds that a host looks for old jobs once a day.
func TestOldJobsAreRemoved(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.publish(pkg{name: "app", version: "1.0"})
	h.run(hostjob.Spec{ID: "old", Packages: targets("app")})
	h.run(hostjob.Spec{ID: "recent", Packages: targets("app")})
	jobs := filepath.Join(h.root, "var/lib/aptfleet/jobs")
	long := time.Now().AddDate(0, 0, -32)
	h.must(os.Chtimes(filepath.Join(jobs, "old"), long, long))
	for _, tt := range []struct {
		id, swept string
		want      []string
	}{
		{"new", "", []string{"new", "old", "recent"}},
		{"next", "1000000000\n", []string{"new", "next", "recent"}},
	} {
		if tt.swept != "" {
			h.write("var/lib/aptfleet/swept", tt.swept)
		}
		h.run(hostjob.Spec{ID: tt.id, Packages: targets("app")})
		left, err := filepath.Glob(filepath.Join(jobs, "*"))
		h.must(err)
		for i := range left {
			left[i] = filepath.Base(left[i])
		}
		if !slices.Equal(left, tt.want) {
			t.Errorf("the jobs left are %q, want %q", left, tt.want)
		}
	}
}
