package integration

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
)

// program is the aptfleet program as a process of its own, for stories in which
// it is interrupted or killed.
type program struct {
	*exec.Cmd
	out, errs console
	ended     chan struct{}
}

// console keeps what a process writes, and can be read meanwhile.
type console struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// start builds the program and starts a command, without --json: what people
// see is part of the story.
func (f *fleet) start(args ...string) *program {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "aptfleet")
	if out, err := exec.Command("go", "build", "-o", file, module+"controller/cmd/aptfleet").CombinedOutput(); err != nil {
		f.t.Fatalf("%v\n%s", err, out)
	}
	p := &program{Cmd: exec.Command(file, append([]string{"--config", f.path("aptfleet.toml")}, args...)...), ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.out, &p.errs
	f.must(p.Start())
	go func() {
		defer close(p.ended)
		_ = p.Wait() // ProcessState says how it ended
	}()
	f.t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended
		<-p.ended
	})
	return p
}

// says waits until the program has written what matches an expression.
func (p *program) says(f *fleet, expression string) {
	f.t.Helper()
	said := regexp.MustCompile(expression)
	until(f.t, "aptfleet says "+expression, func() bool {
		over := p.over()
		all := p.out.String() + p.errs.String()
		if !said.MatchString(all) && over {
			f.t.Fatalf("it ended (%v) and did not say %q:\n%s", p.ProcessState, expression, all)
		}
		return said.MatchString(all)
	})
}

func (p *program) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// interrupt is what Ctrl-C does.
func (p *program) interrupt(f *fleet) {
	f.t.Helper()
	f.must(p.Process.Signal(syscall.SIGINT))
}
