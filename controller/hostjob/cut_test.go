package hostjob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

var errCut = errors.New("connection cut")

// cutShell is a connection that is cut in every other call: before the call has
// reached the host, while it is there, or before its answer has come back. What
// was started on the host goes on, as it does under sshd.
type cutShell struct {
	*host
	random *rand.Rand
	calls  int
	cuts   int // still to be made
}

func (s *cutShell) Shell(ctx context.Context, script string, args ...string) ([]byte, error) {
	s.calls++
	if s.calls%2 == 0 || s.cuts == 0 {
		return s.host.Shell(ctx, script, args...)
	}
	if s.cuts--; s.cuts == 0 {
		s.write("go", "") // the job may end
	}
	when := s.random.IntN(4)
	if when == 0 {
		return nil, errCut
	}
	answer := make(chan struct{})
	var out []byte
	var err error
	go func() {
		defer close(answer)
		out, err = s.host.Shell(context.WithoutCancel(ctx), script, args...)
	}()
	if when == 1 { // in the middle, with the script left to itself
		select {
		case <-answer:
		case <-time.After(rand.N(600 * time.Millisecond)):
		}
		s.t.Cleanup(func() { <-answer })
		return nil, errCut
	}
	<-answer
	if err == nil && when == 2 {
		out = out[:s.random.IntN(len(out)+1)] // some of it was underway
	}
	return out, errCut
}

// TestCutAtRandom cuts the connections of 12 jobs 60 times in all. Each must end
// with the right verdict, and its log must come over whole and once.
func TestCutAtRandom(t *testing.T) {
	t.Parallel()
	const jobs, cuts = 12, 60
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var all sync.WaitGroup
	for i := range jobs {
		h := newHost(t)
		fails := i%3 == 2
		h.publish(pkg{name: "app", version: "1.0", postinst: fmt.Sprintf(`
			i=0; while [ $i -lt 400 ]; do i=$((i + 1)); echo line $i; [ $((i %% 40)) != 0 ] || sleep 0.5; done
			until [ -e "$APTFLEET_ROOT/go" ]; do echo still; sleep 0.2; done; exit %d`, i%3/2*7)})
		all.Go(func() {
			cutJob(t, &cutShell{host: h, random: rand.New(rand.NewPCG(seed, uint64(i))), cuts: cuts / jobs}, fails)
		})
	}
	all.Wait()
}

func cutJob(t *testing.T, h *cutShell, fails bool) {
	want := hostjob.Done
	if fails {
		want = hostjob.Broken
	}
	var log bytes.Buffer
	o, err := hostjob.Run(t.Context(), h, h.spec(hostjob.Spec{Packages: targets("app")}), hostjob.Watch{Log: &log})
	if err != nil || o.Verdict != want {
		t.Errorf("the job is %+v, %v, want %s\n%s", o, err, want, h.log(""))
	}
	if log.String() != h.log("") || bytes.Count(log.Bytes(), []byte("line 400\r\n")) != 1 || bytes.Count(log.Bytes(), []byte("line 1\r\n")) != 1 {
		t.Errorf("the log came over as %d bytes, on the host it has %d:\n%s", log.Len(), len(h.log("")), log.String())
	}
}
