package journal

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// crashHosts is more than all children together get done.
const crashHosts = 9000

// rounds is how often the tests of crashes crash, if it is not 0.
var rounds = flag.Int("rounds", 0, "`number` of crashes; 0 is a few")

// crashes returns how often to crash.
func crashes(few, fewer int) int {
	switch {
	case *rounds > 0:
		return *rounds
	case testing.Short():
		return fewer
	}
	return few
}

// TestKilled lets a child write a rollout with 8 hosts at a time, kills it with
// SIGKILL after a random number of acknowledged events, lets the next child
// take the rollout and go on, and so on. Every event that a child said was
// acknowledged must be there, and the chain must be whole.
func TestKilled(t *testing.T) {
	if state := os.Getenv("APTFLEET_TEST_WRITE"); state != "" {
		writeUntilKilled(t, state)
		return
	}
	rounds := crashes(8, 3)
	state := t.TempDir()
	acknowledged := map[string]bool{}
	for range rounds {
		runUntil(t, state, acknowledged, 1+rand.IntN(400), true, func(child *os.Process) error { return child.Kill() })
		checkAcknowledged(t, state, acknowledged)
	}
	t.Logf("%d kills, %d acknowledged events, none lost", rounds, len(acknowledged))
}

// runUntil starts a child, adds what it says was acknowledged, and after that
// many events calls end, which makes the child end. What it says afterwards
// counts if it was only killed. It does not if its disk was taken from it: with
// the power goes whoever could be told something wrong about that disk.
func runUntil(t *testing.T, state string, acknowledged map[string]bool, after int, tail bool, end func(*os.Process) error) {
	t.Helper()
	child := writer(state)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := 0
	for in := bufio.NewScanner(out); in.Scan(); {
		line, ok := strings.CutPrefix(in.Text(), "ack ")
		if !ok {
			continue // the child's test framework, when the store fails under it
		}
		if said++; said <= after || tail {
			acknowledged[line] = true
		}
		if said == after {
			if err := end(child.Process); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || said < after {
		t.Fatalf("the child ended by itself after %d events: %v", said, err)
	}
}

// writer is a child that runs writeUntilKilled.
func writer(state string) *exec.Cmd {
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), "APTFLEET_TEST_WRITE="+state)
	return child
}

// writeUntilKilled works through the hosts, 8 at a time, from where the journal
// ends, and says what is acknowledged.
func writeUntilKilled(t *testing.T, state string) {
	w, begun := takeOrCreate(t, New(openBus(t, state), "child "+strconv.Itoa(os.Getpid())))
	var hosts errgroup.Group
	hosts.SetLimit(8)
	for _, host := range begun.Hosts() {
		if host.Verdict.Ended() {
			continue
		}
		hosts.Go(func() error {
			for _, e := range []rollout.Event{step(host.Name, rollout.Doing), step(host.Name, rollout.Done), result(host.Name, rollout.HostDone)} {
				if err := w.Append(t.Context(), e); err != nil {
					return err
				}
				fmt.Printf("ack %s %s%s\n", e.Host, e.Kind, string(e.Status)) // not in words, where there is none
			}
			return nil
		})
	}
	if err := hosts.Wait(); err != nil {
		t.Fatal(err)
	}
}

func takeOrCreate(t *testing.T, j *Journal) (*Writer, *rollout.State) {
	t.Helper()
	w, err := j.Take(t.Context(), "R1")
	if errors.Is(err, ErrNotFound) {
		w, err = j.Create(t.Context(), someSpec(manyHosts(crashHosts)...))
	}
	if err != nil {
		t.Fatal(err)
	}
	state, err := j.Read(t.Context(), "R1")
	if err != nil {
		t.Fatal(err)
	}
	return w, state
}

func checkAcknowledged(t *testing.T, folder string, acknowledged map[string]bool) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	j := New(b, "parent")
	state, err := j.Read(t.Context(), "R1")
	if err != nil {
		t.Fatal(err)
	}
	if lost, of, err := j.Lost(t.Context()); lost != 0 || err != nil {
		t.Errorf("%d of %d events are said to be lost, %v", lost, of, err)
	}
	for line := range acknowledged {
		name, what, _ := strings.Cut(line, " ")
		host, _ := state.Host(inventory.HostName(name))
		status := host.Step("install").Status
		kept := map[string]bool{
			"stepdoing": status != rollout.Pending,
			"stepdone":  status == rollout.Done,
			"result":    host.Verdict == rollout.HostDone,
		}[what]
		if !kept {
			t.Errorf("%q was acknowledged, and the journal says %+v", line, host)
		}
	}
}

func manyHosts(n int) []inventory.HostName {
	hosts := make([]inventory.HostName, n)
	for i := range hosts {
		hosts[i] = inventory.HostName(fmt.Sprintf("web-%05d", i))
	}
	return hosts
}
