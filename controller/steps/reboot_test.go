package steps

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

// shell answers by a function of the time since its first question.
type shell struct {
	play  func(after time.Duration, mode string) (string, error)
	begun time.Time
	modes []string // the questions so far, each once in a row
}

func (s *shell) Shell(_ context.Context, _ string, args ...string) ([]byte, error) {
	if s.begun.IsZero() {
		s.begun = time.Now()
	}
	if mode := args[1]; len(s.modes) == 0 || s.modes[len(s.modes)-1] != mode {
		s.modes = append(s.modes, mode)
	}
	said, err := s.play(time.Since(s.begun), args[1])
	return []byte("aptfleet-reboot " + said + "\n"), err
}

var (
	errAway = fmt.Errorf("web1: %w", remote.ErrUnreachable)
	errCut  = fmt.Errorf("web1: %w", remote.ErrLost)
)

type exited struct{}

func (exited) Error() string   { return "sh exited with 1: no power over it" }
func (exited) ExitStatus() int { return 1 }

// boots plays a host that goes down 5 s after it was told to and is back at 60 s.
func boots(after time.Duration, mode string) (string, error) {
	switch {
	case after < 5*time.Second:
		return "ordered kernel 6.1", nil
	case after < 50*time.Second:
		return "", errAway
	case after < 60*time.Second:
		return "starting kernel 6.1", nil
	}
	return "back kernel 6.1", nil
}

func TestReboot(t *testing.T) {
	for _, tt := range []struct {
		name  string
		play  func(time.Duration, string) (string, error)
		took  time.Duration
		modes string
		err   string
	}{
		{"needless", func(time.Duration, string) (string, error) { return "needless", nil }, 0, "order", ""},
		{"goes down and is back", boots, 60 * time.Second, "order look", ""},
		{"was back before this controller asked", func(time.Duration, string) (string, error) { return "back kernel 6.1", nil }, 0, "order", ""},
		{"the answer to the order is lost", func(after time.Duration, mode string) (string, error) {
			if after == 0 {
				return "", errCut
			}
			return boots(after, mode)
		}, 60 * time.Second, "order look", ""},
		{"the order is lost", func(after time.Duration, mode string) (string, error) {
			switch {
			case after == 0:
				return "", errCut
			case after < 4*time.Second && mode == "look":
				return "absent", nil
			}
			return boots(after, mode)
		}, 60 * time.Second, "order look order look", ""},
		{"apt is at work there", func(after time.Duration, mode string) (string, error) {
			if after < 20*time.Second {
				return "busy 12 apt-get", nil
			}
			return boots(after-20*time.Second, mode)
		}, 80 * time.Second, "order look", ""},
		{"apt is at work for ever", func(time.Duration, string) (string, error) { return "busy 12 apt-get", nil }, 10 * time.Minute, "order",
			"cannot reboot: process 12 apt-get has held dpkg's lock for 10m0s"},
		{"never goes down", func(time.Duration, string) (string, error) { return "ordered kernel 6.1", nil }, 10 * time.Minute, "order look",
			"cannot reboot: the host was told to, and is still in the same boot after 10m0s"},
		{"never comes back", func(after time.Duration, mode string) (string, error) {
			return boots(min(after, 40*time.Second), mode)
		}, 10 * time.Minute, "order look", "the host was told to reboot, and has not come back for 10m0s: web1: host is unreachable"},
		{"never ends starting", func(after time.Duration, mode string) (string, error) {
			return boots(min(after, 55*time.Second), mode)
		}, 10 * time.Minute, "order look", "the host was rebooted, and is still starting after 10m0s"},
		{"is not there to begin with", func(time.Duration, string) (string, error) { return "", errAway }, 0, "order", errAway.Error()},
		{"refuses", func(time.Duration, string) (string, error) { return "", exited{} }, 0, "order", "cannot reboot: sh exited with 1: no power over it"},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sh := &shell{play: tt.play}
				step := &Reboot{Shell: sh, ID: "R1-reboot-1"}
				began := time.Now()
				err := step.Do(t.Context())
				if took := time.Since(began); took != tt.took || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
					t.Errorf("Do took %v and returned %v, want %v and %q", took, err, tt.took, tt.err)
				}
				if got := strings.Join(sh.modes, " "); got != tt.modes {
					t.Errorf("the questions were %q, want %q", got, tt.modes)
				}
				rebooted := slices.Equal(step.Report().Notes, []string{"rebooted for kernel 6.1"})
				if want := tt.err == "" && tt.name != "needless"; rebooted != want {
					t.Errorf("the notes are %q", step.Report().Notes)
				}
			})
		})
	}
}

// TestRebootBegun: a host that may be going down is waited for by whoever resumes.
func TestRebootBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sh := &shell{play: func(after time.Duration, mode string) (string, error) { return boots(after+10*time.Second, mode) }}
		step := &Reboot{Shell: sh, ID: "R1-reboot-1", Begun: true}
		if err := step.Do(t.Context()); err != nil || !slices.Equal(sh.modes, []string{"order", "look"}) {
			t.Errorf("Do returned %v after the questions %q", err, sh.modes)
		}
	})
}

// TestUndoReboot waits for a host that goes down, and orders nothing.
func TestUndoReboot(t *testing.T) {
	for name, play := range map[string]func(time.Duration, string) (string, error){
		"goes down": boots,
		"does not":  func(time.Duration, string) (string, error) { return "absent", nil },
		"the first answer is lost": func(after time.Duration, _ string) (string, error) {
			if after == 0 {
				return "", errCut
			}
			return "absent", nil
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			sh := &shell{play: play}
			if err := (&Reboot{Shell: sh, ID: "R1"}).Undo(t.Context(), nil); err != nil || !slices.Equal(sh.modes, []string{"look"}) {
				t.Errorf("%s: Undo returned %v after the questions %q", name, err, sh.modes)
			}
		})
	}
}

// TestRebootIsCut: whoever stops waiting learns nothing of the host.
func TestRebootIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("the controller goes away")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(gone) })
		sh := &shell{play: func(time.Duration, string) (string, error) { return "ordered kernel 6.1", nil }}
		if err := (&Reboot{Shell: sh, ID: "R1"}).Do(ctx); !errors.Is(err, gone) {
			t.Errorf("Do returned %v", err)
		}
	})
}
