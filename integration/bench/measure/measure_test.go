package measure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Init()
	os.Exit(m.Run())
}

// burn is a shell loop that takes some 50 to 500 ms of CPU.
const burn = `i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done`

func TestCommandCountsDescendants(t *testing.T) {
	alone := cost(t, "sh", "-c", burn)
	if alone.CPU < 5*time.Millisecond || alone.Wall <= 0 || alone.RSS < 1<<18 || alone.Processes < 1 {
		t.Errorf("a loop in a shell cost %v", alone)
	}
	nested := cost(t, "sh", "-c", "sh -c '"+burn+"'; "+burn)
	if nested.CPU < alone.CPU*5/4 {
		t.Errorf("two loops, one in a child, took %v of CPU, one took %v", nested.CPU, alone.CPU)
	}
}

// A daemon's parent is gone long before it: its CPU counts, and it is ended.
func TestCommandCountsAndEndsDaemons(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	script := fmt.Sprintf(`(setsid sh -c '%s; echo $$ >%s.new; mv %s.new %s; exec sleep 1000' >/dev/null 2>&1 &)
		while [ ! -s %s ]; do sleep 0.05; done`, burn, pidFile, pidFile, pidFile, pidFile)
	daemon, alone := cost(t, "sh", "-c", script), cost(t, "sh", "-c", burn)
	if daemon.CPU < alone.CPU*3/4 {
		t.Errorf("a loop in a daemon took %v of CPU, in a shell %v", daemon.CPU, alone.CPU)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the daemon %d still runs: %v", pid, err)
	}
}

func TestCommandPassesStreamsAndStatus(t *testing.T) {
	var out strings.Builder
	cmd := exec.Command("sh", "-c", `cat; echo "$0 $LEFT"; exit 3`, "zero")
	cmd.Stdin, cmd.Stdout, cmd.Env = strings.NewReader("in\n"), &out, append(os.Environ(), "LEFT=right")
	c, err := Command(cmd)
	if err == nil || !strings.Contains(err.Error(), "exited with 3") || c.Wall == 0 {
		t.Errorf("got %v and error %v, want a cost and exit status 3", c, err)
	}
	if out.String() != "in\nzero right\n" {
		t.Errorf("got output %q", out.String())
	}
	if _, err := Command(exec.Command("sh", "-c", "kill -9 $$")); err == nil || !strings.Contains(err.Error(), "137") {
		t.Errorf("killed by signal 9: error %v", err)
	}
	if _, err := Command(exec.Command("no-such-program")); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("no such program: error %v", err)
	}
}

func TestCommandEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "sh", "-c", "echo up; exec sleep 1000")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = out.Read(make([]byte, 1)) // it runs, or it ended: both are time to cancel
		cancel()
	}()
	if _, err := Command(cmd); err == nil {
		t.Error("a command of a thousand seconds ended well")
	}
}

func TestPeakMemory(t *testing.T) {
	// dd's buffer is memory that only dd has: resident and proportional alike.
	c := cost(t, "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=40")
	if c.RSS < 64<<20 || c.RSS > 96<<20 || c.PSS < 60<<20 || c.PSS > c.RSS+1<<20 {
		t.Errorf("64 MiB of buffer cost %v", c)
	}
}

func cost(t *testing.T, argv ...string) Cost {
	t.Helper()
	c, err := Command(exec.Command(argv[0], argv[1:]...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMedian(t *testing.T) {
	s := Samples{{Wall: 3, CPU: 1, RSS: 9}, {Wall: 1, CPU: 3, RSS: 9}, {Wall: 2, CPU: 2, RSS: 1}, {Wall: 9, CPU: 9, RSS: 9}}
	if got := s[:3].Median(); got != (Cost{Wall: 2, CPU: 2, RSS: 9}) {
		t.Errorf("median of three is %+v", got)
	}
	if got := s.Median(); got != (Cost{Wall: 2, CPU: 2, RSS: 9}) {
		t.Errorf("median of four is %+v", got)
	}
	if got := (Samples{}).Median(); got != (Cost{}) {
		t.Errorf("median of none is %+v", got)
	}
}

func TestContestTakesTurns(t *testing.T) {
	var order string
	enter := func(name string) Contestant {
		return Contestant{name, func(context.Context) (Cost, error) {
			order += name
			return Cost{CPU: time.Duration(len(order))}, nil
		}}
	}
	runs, err := Contest{Rounds: 2}.Run(t.Context(), enter("a"), enter("b"))
	if err != nil || order != "abab" || len(runs["a"]) != 2 || runs["b"][1].CPU != 4 {
		t.Errorf("order %q, samples %v, error %v", order, runs, err)
	}
	broken := Contestant{"c", func(context.Context) (Cost, error) { return Cost{}, os.ErrDeadlineExceeded }}
	if _, err := (Contest{}).Run(t.Context(), broken); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a contestant's error came back as %v", err)
	}
}

func TestClaims(t *testing.T) {
	for _, tt := range []struct {
		claim Claim
		met   bool
		line  string
	}{
		{Claim{What: "under", Unit: Seconds, Ours: 1, Beside: "peer", Peer: 10, Most: 0.1}, true, "under 1.00 s peer 10.0 s 0.100 <= 0.100 met"},
		{Claim{What: "over", Unit: Mebibytes, Ours: 2, Beside: "peer", Peer: 10, Most: 0.1}, false, "over 2.00 MiB peer 10.0 MiB 0.200 <= 0.100 MISSED"},
		{Claim{What: "limit", Unit: Milliseconds, Ours: 0.05, Most: 3}, true, "limit 0.0500 ms <= 3.00 ms met"},
		{Claim{What: "known", Unit: Seconds, Ours: 3, Beside: "peer", Peer: 2, Most: math.Inf(1)}, true, "known 3.00 s peer 2.00 s 1.500 none"},
		{Claim{What: "count", Ours: 1}, false, "count 1 <= 0 MISSED"},
		{Claim{What: "unmeasured", Unit: Seconds, Ours: 1, Beside: "peer", Most: 5}, false, "unmeasured 1.00 s peer 0.00 s +Inf <= 5.000 MISSED"},
		{Claim{What: "nothing at all", Unit: Seconds, Ours: math.NaN(), Most: 5}, false, "nothing at all NaN s <= 5.00 s MISSED"},
	} {
		var table Table
		table.Add(tt.claim)
		table.LeaveOut("the rest", "no root")
		var text strings.Builder
		if _, err := table.WriteTo(&text); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(text.String(), "\n")
		if got := strings.Join(strings.Fields(lines[1]), " "); got != tt.line {
			t.Errorf("got %q, want %q", got, tt.line)
		}
		if lines[2] != "not measured: the rest: no root" {
			t.Errorf("got %q below the table", lines[2])
		}
		if got := len(table.Missed()) == 0; got != tt.met || tt.claim.Met() != tt.met {
			t.Errorf("%s: met is %v, want %v", tt.claim.What, got, tt.met)
		}
	}
}
