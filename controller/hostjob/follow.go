package hostjob

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

const (
	leaseFor    = 2 * time.Minute  // a lease that is not renewed
	renewAfter  = leaseFor / 4     // not with every look, which is cheaper for the host without
	waitFirst   = 4 * time.Second  // on the host, for the job's end, in the answer to the start
	waitFor     = 8 * time.Second  // the same in later ones; silence is waited out twice as long
	answerIn    = 30 * time.Second // a host that takes longer is taken for lost
	startIn     = 3 * time.Minute  // connecting included, for which hosts may have to queue
	maxAttempts = 3                // of a job that dies, with its host or alone
)

// exitStatus is an error of a script that ran and failed.
type exitStatus interface{ ExitStatus() int }

// follower carries one job to its end.
type follower struct {
	sh    Shell
	spec  Spec
	watch Watch

	attempt         int
	started         bool      // the host has said so
	mayRun          bool      // a start may have reached the host
	state           state     // as last heard
	leased          time.Time // when its renewal was last asked for
	logAt, statusAt int64
	tail            tail
	tracker         tracker
	shown           Progress
}

func newFollower(sh Shell, spec Spec, watch Watch) *follower {
	return &follower{sh: sh, spec: spec, watch: watch, attempt: 1}
}

// follow returns the job's result, or nil if it still runs when the time to
// watch is over.
func (f *follower) follow(ctx context.Context) (*result, error) {
	began := time.Now()
	heard := began
	for {
		fr, err := f.reach(ctx)
		if err != nil {
			return nil, err
		}
		if err := f.take(fr); err != nil {
			return nil, err
		}
		if len(fr.log)+len(fr.status) > 0 {
			heard = time.Now()
		}
		more := f.logAt < fr.logSize || f.statusAt < fr.statusSize
		switch {
		case more: // than one answer holds
		case fr.state == ended:
			r, err := parseResult(fr.result)
			return &r, err
		case fr.state == absent:
			return nil, fmt.Errorf("cannot follow job %s: %w", f.spec.ID, ErrNoJob)
		case fr.state != running:
			if err := f.revive(fr.state); err != nil {
				return nil, err
			}
		case longerThan(f.watch.For, began), longerThan(f.watch.Silence, heard):
			return nil, nil
		}
	}
}

func longerThan(limit time.Duration, since time.Time) bool {
	return limit > 0 && time.Since(since) >= limit
}

// take hands on what is new. Nothing of it is taken twice: the offsets move
// with it.
func (f *follower) take(fr frame) error {
	if fr.state == refused {
		return fr.refusal
	}
	f.started, f.mayRun, f.state = true, true, fr.state
	// A host that lost power may have lost what it said last.
	f.logAt = min(f.logAt, fr.logSize) + int64(len(fr.log))
	f.statusAt = min(f.statusAt, fr.statusSize) + int64(len(fr.status))
	if f.watch.Log != nil && len(fr.log) > 0 {
		if _, err := f.watch.Log.Write(fr.log); err != nil {
			return fmt.Errorf("cannot keep the log of job %s: %w", f.spec.ID, err)
		}
	}
	f.tail.write(fr.log)
	f.tracker.status(fr.status)
	if len(fr.log) > 0 {
		f.tracker.log(f.tail.end())
	}
	if fr.state == ended {
		f.tracker.now.Percent = 100
	}
	f.tracker.now.Lost = ""
	f.show()
	return nil
}

func (f *follower) show() {
	if f.watch.Progress != nil && f.tracker.now != f.shown {
		f.shown = f.tracker.now
		f.watch.Progress(f.shown)
	}
}

// revive makes the next call begin the work again in the same folder, where it
// mends first what was left half done.
func (f *follower) revive(s state) error {
	why := map[state]string{died: "the job was killed", rebooted: "the host was restarted in the middle"}[s]
	if f.attempt == maxAttempts {
		return fmt.Errorf("cannot finish job %s: %s, and so ended each of %d attempts", f.spec.ID, why, maxAttempts)
	}
	f.attempt++
	f.started = false
	f.tracker.notes = append(f.tracker.notes, why+": begun again")
	return nil
}

// reach asks the host until it answers, or has not been reached for too long.
func (f *follower) reach(ctx context.Context) (frame, error) {
	var lostAt time.Time
	for try := 0; ; try++ {
		out, err := f.call(ctx)
		if err == nil {
			fr, err := parseFrame(out)
			f.mayRun = f.mayRun || err != nil
			return fr, err
		}
		if ctx.Err() != nil {
			return frame{}, f.failed(context.Cause(ctx))
		}
		if f.final(err) {
			return frame{}, f.failed(err)
		}
		f.mayRun = true
		if try == 0 {
			lostAt = time.Now()
		}
		wait := backOff(try)
		if time.Since(lostAt)+wait > f.spec.ReattachFor {
			return frame{}, f.failed(err)
		}
		f.tracker.now.Lost = err.Error()
		f.show()
		if err := pause.For(ctx, wait); err != nil {
			return frame{}, f.failed(err)
		}
	}
}

// final reports whether there is no sense in trying again. Before the start that
// is a host which was not reached, since connecting has been tried several times
// by then, and a script that failed. Once the job runs nothing is: hosts that
// shut down kill our script, and refuse logins while they boot.
func (f *follower) final(err error) bool {
	var status exitStatus
	switch {
	case f.started:
		return false
	case errors.As(err, &status):
		f.mayRun = true
		return status.ExitStatus() < 128 // above, a signal ended it
	}
	return !f.mayRun && nothingRan(err)
}

func nothingRan(err error) bool {
	return errors.Is(err, remote.ErrUnreachable) || errors.Is(err, remote.ErrHostKey) ||
		errors.Is(err, remote.ErrAuth) || errors.Is(err, remote.ErrBecome)
}

func (f *follower) failed(err error) error {
	if f.started {
		return fmt.Errorf("cannot follow job %s: %w", f.spec.ID, err)
	}
	return fmt.Errorf("cannot start job %s: %w", f.spec.ID, err)
}

// call makes one call: a start, which attaches where there is nothing to start,
// until the host has confirmed it, and after that a look.
func (f *follower) call(ctx context.Context) ([]byte, error) {
	limit := answerIn
	if !f.started {
		limit = startIn
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("the host does not answer"))
	defer cancel()
	asked, lease := time.Now(), leaseFor
	if f.started && asked.Sub(f.leased) < renewAfter {
		lease = 0
	}
	out, err := f.shell(ctx, lease)
	if err == nil && lease > 0 {
		f.leased = asked
	}
	return out, err
}

func (f *follower) shell(ctx context.Context, lease time.Duration) ([]byte, error) {
	wait := waitFor
	if !f.started {
		wait = waitFirst
	}
	args := []string{
		f.spec.ID, f.spec.Owner, seconds(lease),
		strconv.FormatInt(f.logAt, 10), strconv.FormatInt(f.statusAt, 10), seconds(wait),
	}
	if f.started {
		return f.sh.Shell(ctx, followScript(), args...)
	}
	return f.sh.Shell(ctx, startScript(), append(args, strconv.Itoa(f.attempt), f.spec.encode(), workScript(), f.spec.Proxy.option())...)
}

// backOff is how long to wait after a failed try: 1, 2, 4 up to 30 s, and up to
// a quarter more, so that a fleet behind one router does not come back at once.
func backOff(try int) time.Duration {
	d := min(time.Second<<min(try, 5), 30*time.Second)
	return d + rand.N(d/4)
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
