package hostjob

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/controller/remote"
)

// shellFunc plays a host. started says which of the scripts it is asked to run.
type shellFunc func(started bool, args []string) ([]byte, error)

func (f shellFunc) Shell(_ context.Context, script string, args ...string) ([]byte, error) {
	return f(script == followScript(), args)
}

var (
	errLost        = fmt.Errorf("web1: %w", remote.ErrLost)
	errUnreachable = fmt.Errorf("web1: %w", remote.ErrUnreachable)
	spec           = Spec{ID: "job", Owner: "test", Mode: Install, Packages: []Target{{Name: "app", Version: "1.0"}}}
)

const doneResult = "exit 0\nafter app|ii |1.0\nend\n"

func answer(state string) []byte { return fmt.Appendf(nil, "aptfleet-job %s 0 0 0 0 0\n", state) }
func done() []byte {
	return fmt.Appendf(nil, "aptfleet-job ended 0 0 0 0 %d\n%s", len(doneResult), doneResult)
}

type exitError int

func (e exitError) Error() string   { return fmt.Sprintf("exited with %d", int(e)) }
func (e exitError) ExitStatus() int { return int(e) }

// TestReach plays what a host and the way to it answer, call by call, in
// simulated time. The last answer is repeated for ever.
func TestReach(t *testing.T) {
	for _, tt := range []struct {
		name    string
		play    []any // []byte or error
		verdict Verdict
		err     error
		took    time.Duration // at least, and at most a quarter more
		calls   int
	}{
		{"never reached", []any{errUnreachable}, NotStarted, remote.ErrUnreachable, 0, 1},
		{"login refused", []any{fmt.Errorf("web1: %w", remote.ErrAuth)}, NotStarted, remote.ErrAuth, 0, 1},
		{"the start fails", []any{exitError(2)}, Unknown, exitError(2), 0, 1},
		{"the start is killed, then done", []any{exitError(143), done()}, Done, nil, 1 * time.Second, 2},
		{"lost in the start, unreachable, then done", []any{errLost, errUnreachable, errUnreachable, done()}, Done, nil, 7 * time.Second, 4},
		{"lost in the start and never seen again", []any{errLost, errUnreachable}, Unknown, remote.ErrUnreachable, 550 * time.Second, 23},
		{"lost while it ran and never seen again", []any{answer("running"), errLost, errUnreachable}, Unknown, remote.ErrUnreachable, 550 * time.Second, 24},
		{"logins refused while the host boots", []any{answer("running"), errLost, fmt.Errorf("web1: %w", remote.ErrAuth), exitError(1), done()}, Done, nil, 7 * time.Second, 5},
		{"lost for a while, twice", []any{answer("running"), errLost, errLost, answer("running"), errLost, done()}, Done, nil, 4 * time.Second, 6},
		{"rebooted, begun again", []any{answer("running"), answer("rebooted"), answer("running"), done()}, Done, nil, 0, 4},
		{"dies each time", []any{answer("died")}, Unknown, nil, 0, 3},
		{"the folder is gone", []any{answer("running"), answer("absent")}, Unknown, nil, 0, 2},
		{"another has the lease", []any{[]byte("aptfleet-job refused leased 1767225600 alice\n")}, NotStarted, nil, 0, 1},
		{"no space for the folder", []any{[]byte("aptfleet-job refused failed cannot write /var/lib/aptfleet/jobs/job\n")}, NotStarted, nil, 0, 1},
		{"no answer of ours", []any{[]byte("Welcome!\n")}, Unknown, nil, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				sh := shellFunc(func(bool, []string) ([]byte, error) {
					next := tt.play[min(calls, len(tt.play)-1)]
					calls++
					if err, ok := next.(error); ok {
						return nil, err
					}
					return next.([]byte), nil
				})
				begin := time.Now()
				o, err := Run(t.Context(), sh, spec, Watch{})
				if o.Verdict != tt.verdict || (err == nil) != (o.Verdict == Done) || tt.err != nil && !errors.Is(err, tt.err) {
					t.Errorf("Run returned %s, %v; want %s, %v", o.Verdict, err, tt.verdict, tt.err)
				}
				if took := time.Since(begin); took < tt.took || took > tt.took+tt.took/4+time.Second {
					t.Errorf("it took %v, want %v and up to a quarter more", took, tt.took)
				}
				if calls < tt.calls-3 || calls > tt.calls {
					t.Errorf("it took %d calls, want %d", calls, tt.calls)
				}
			})
		})
	}
}

// TestScriptsInTurn holds which script is run when, and with which attempt.
func TestScriptsInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		play := []any{errLost, answer("running"), errLost, answer("rebooted"), errLost, answer("running"), done()}
		var asked []string
		sh := shellFunc(func(following bool, args []string) ([]byte, error) {
			what := "follow"
			if !following {
				what = "start " + args[6]
			}
			asked = append(asked, what)
			if err, ok := play[len(asked)-1].(error); ok {
				return nil, err
			}
			return play[len(asked)-1].([]byte), nil
		})
		if o, err := Run(t.Context(), sh, spec, Watch{}); o.Verdict != Done || o.Attempts != 2 || len(o.Notes) != 1 {
			t.Errorf("Run returned %+v, %v", o, err)
		}
		want := []string{"start 1", "start 1", "follow", "follow", "start 2", "start 2", "follow"}
		if !slices.Equal(asked, want) {
			t.Errorf("asked for %q, want %q", asked, want)
		}
	})
}

// TestLeaseIsRenewed holds that a start takes the lease, that looks leave it alone
// as long as it is fresh, and that it never comes near its end.
func TestLeaseIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const looks = 100
		until, calls, renewals := time.Now(), 0, 0
		sh := shellFunc(func(following bool, args []string) ([]byte, error) {
			if args[2] != "0" {
				until = time.Now().Add(leaseFor)
				renewals++
			}
			if left := time.Until(until); left < leaseFor/2 {
				t.Errorf("call %d leaves the lease for another %v", calls, left)
			}
			time.Sleep(5 * time.Second)
			if calls++; calls < looks {
				return answer("running"), nil
			}
			return done(), nil
		})
		if o, err := Run(t.Context(), sh, spec, Watch{}); o.Verdict != Done {
			t.Errorf("Run returned %+v, %v", o, err)
		}
		if most := int(looks*5*time.Second/renewAfter) + 1; renewals > most {
			t.Errorf("the lease was renewed %d times in %d calls, want at most %d", renewals, looks, most)
		}
	})
}

// TestProgressWhileLost holds that a watcher learns of the trouble and its end.
func TestProgressWhileLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		play := []any{answer("running"), errLost, done()}
		calls := 0
		sh := shellFunc(func(bool, []string) ([]byte, error) {
			calls++
			if err, ok := play[calls-1].(error); ok {
				return nil, err
			}
			return play[calls-1].([]byte), nil
		})
		var lost []string
		_, err := Run(t.Context(), sh, spec, Watch{Progress: func(p Progress) { lost = append(lost, p.Lost) }})
		if want := []string{errLost.Error(), ""}; err != nil || !slices.Equal(lost, want) {
			t.Errorf("Run told of %q and returned %v, want %q", lost, err, want)
		}
	})
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Spec)
		want   string // within the error; "" wants none
	}{
		{"fine", func(*Spec) {}, ""},
		{"no id", func(s *Spec) { s.ID = "" }, "job id"},
		{"id that climbs", func(s *Spec) { s.ID = "../x" }, "job id"},
		{"id of dots", func(s *Spec) { s.ID = ".." }, "job id"},
		{"owner of two words", func(s *Spec) { s.Owner = "a b" }, "owner"},
		{"no mode", func(s *Spec) { s.Mode = "" }, "mode"},
		{"no packages", func(s *Spec) { s.Packages = nil }, "names no package"},
		{"dist-upgrade of one", func(s *Spec) { s.Mode = DistUpgrade }, "must name no package"},
		{"option for a package", func(s *Spec) { s.Packages = []Target{{Name: "-o"}} }, `"-o"`},
		{"package with a line", func(s *Spec) { s.Packages = []Target{{Name: "a\nmode install"}} }, "cannot use package"},
		{"foreign package", func(s *Spec) { s.Packages = []Target{{Name: "app:armhf", Version: "1:1.0-1"}} }, ""},
		{"version with a blank", func(s *Spec) { s.Packages = []Target{{Name: "app", Version: "1 0"}} }, "cannot use package"},
		{"refresh", func(s *Spec) { s.Refresh = "some" }, "refresh"},
		{"conffiles", func(s *Spec) { s.Conffiles = "ask" }, "conffile"},
		{"lock timeout", func(s *Spec) { s.LockTimeout = -time.Second }, "time limits"},
	} {
		s := spec
		tt.change(&s)
		err := s.Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Validate returned %v, want %q", tt.name, err, tt.want)
		}
	}
}
