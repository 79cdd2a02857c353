package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestBootedHosts(t *testing.T) {
	l := bootedLab(t, Options{Count: 2, Suites: []string{Bookworm, Trixie}})
	for i, aptVersion := range []string{"apt 2.6.", "apt 3.0."} {
		h := l.Hosts()[i]
		asUsers(t, l, h, []userTest{
			{"root", "id -un", "root"},
			{"deploy", "sudo -n id -un", "root"},
			{"deploy", "apt-get --version", aptVersion},
			{"deploy", "hostname", h.Name()},
			{"deploy", "systemctl is-system-running --wait", "running"},
		})
		if out, err := login(deadline(t), l, h, "nosudo", "sudo -n id -un").CombinedOutput(); err == nil {
			t.Errorf("%s: nosudo may sudo: %q", h.Name(), out)
		}
	}
}

func TestPAM(t *testing.T) {
	l := bootedLab(t, Options{Count: 2, Suites: []string{Bookworm, Trixie}, PAM: true})
	for _, h := range l.Hosts() {
		asUsers(t, l, h, []userTest{
			{"deploy", "systemctl is-system-running --wait", "running"},
			{"deploy", `grep -o 'session-[0-9c]*.scope' /proc/self/cgroup | head -1`, "session-"},
			{"deploy", "sudo -n id -un", "root"},
		})
	}
}

type userTest struct{ user, command, want string }

// asUsers logs in to h, and wants what each command says to begin in a way.
func asUsers(t *testing.T, l *Lab, h Host, tests []userTest) {
	t.Helper()
	for _, tt := range tests {
		out, err := login(deadline(t), l, h, tt.user, tt.command).CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), tt.want) {
			t.Errorf("%s (%s): %s as %s: %q, %v; want %q", h.Name(), h.Suite(), tt.command, tt.user, out, err, tt.want)
		}
	}
}

// TestLabsAtOnce starts labs together, which must not get into each other's way.
func TestLabsAtOnce(t *testing.T) {
	bootedLab(t, Options{}) // or skip
	labs := make([]*Lab, 3)
	errs := make([]error, len(labs))
	var wg sync.WaitGroup
	for i := range labs {
		wg.Go(func() { labs[i], errs[i] = Start(t.Context(), Options{Kind: Booted}) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	var addresses []string
	for _, l := range labs {
		if l == nil {
			continue
		}
		addresses = append(addresses, l.ListenAddress())
		tell(t, l, l.Hosts()[0], "true")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(addresses)
	if len(slices.Compact(addresses)) != len(labs) {
		t.Errorf("the labs have the addresses %v", addresses)
	}
}

// victimVariable makes TestVictim the process that TestCleanUp kills.
const victimVariable = "APTFLEET_LAB_VICTIM"

func TestVictim(t *testing.T) {
	if os.Getenv(victimVariable) == "" {
		t.Skip("is run by TestCleanUp")
	}
	l, err := Start(t.Context(), Options{Kind: Booted})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("site %d\n", l.fleet.(*bootedFleet).site.number)
	select {} // until killed
}

// TestCleanUp kills a process that has a lab, and wants nothing to be left of
// the lab once another one looked, and the labs of others to be whole.
func TestCleanUp(t *testing.T) {
	mine := bootedLab(t, Options{})
	number := killedLab(t)
	if err := sweepSites(); err != nil {
		t.Fatal(err)
	}
	tell(t, mine, mine.Hosts()[0], "true")
	s, err := lockSite(number)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		t.Skipf("somebody else has number %d by now, which takes one that was cleaned up", number)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.lock.Close()
	if s.dir != "" {
		t.Errorf("the folder %s is still recorded", s.dir)
	}
	if _, err := net.InterfaceByName(s.bridge()); err == nil {
		t.Errorf("the bridge %s is still there", s.bridge())
	}
	if pids := s.cgroup().processes(); len(pids) > 0 {
		t.Errorf("processes %v still run", pids)
	}
	s.dir = cacheDir() + fmt.Sprintf("/labs/%d", number)
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("%s: %v, want it to be gone", s.dir, err)
	}
	points, err := mountPoints()
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(points, func(p string) bool { return strings.HasPrefix(p, s.dir+"/") }); i >= 0 {
		t.Errorf("%s is still mounted", points[i])
	}
}

// killedLab returns the number of a lab whose process was killed while its host
// ran.
func killedLab(t *testing.T) (number int) {
	t.Helper()
	cmd := exec.CommandContext(deadline(t), "/proc/self/exe", "-test.run=^TestVictim$")
	cmd.Env = append(os.Environ(), victimVariable+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n') // what is no line with a number fails below
	if _, err := fmt.Sscanf(line, "site %d", &number); err != nil {
		t.Errorf("the victim says %q", line)
	} else if len((&site{number: number}).cgroup().processes()) == 0 {
		t.Error("the victim's host has no processes: nothing is proved")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // killed
	return number
}

// TestStartCancelled wants nothing to be left of a lab whose start was broken
// off while its hosts booted.
func TestStartCancelled(t *testing.T) {
	bootedLab(t, Options{}) // makes the base, or skips
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("changed my mind")
	log := writerFunc(func(p []byte) (int, error) { cancel(cause); return len(p), nil })
	_, err := Start(ctx, Options{Kind: Booted, Log: log})
	if !errors.Is(err, cause) {
		t.Errorf("Start: %v, want %v", err, cause)
	} else if strings.Contains(err.Error(), "cannot close the lab") {
		t.Errorf("something is left: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
