package integration

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
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

// lines counts what has been written so far.
func (c *console) lines() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Count(c.text.Bytes(), []byte("\n"))
}

// programs is a folder that goes with the tests.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "aptfleet-stories-"); err != nil {
		panic(err)
	}
	status := m.Run()
	_ = os.RemoveAll(programs) // a folder of temporary files
	os.Exit(status)
}

// buildProgram builds the program once for all stories: linking it takes seconds.
var buildProgram = sync.OnceValues(func() (string, error) {
	file := filepath.Join(programs, "aptfleet")
	if out, err := exec.Command("go", "build", "-o", file, module+"controller/cmd/aptfleet").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return file, nil
})

// programFile returns where the program lies.
func (f *fleet) programFile() string {
	f.t.Helper()
	file, err := buildProgram()
	f.must(err)
	return file
}

// start starts a command as a process, without --json unless args has it: what
// people see is part of the story.
func (f *fleet) start(args ...string) *program {
	f.t.Helper()
	return f.launch(exec.Command(f.programFile(), append([]string{"--config", f.path("aptfleet.toml")}, args...)...))
}

// onTerminal is start on a terminal, on which a person types what is written to
// the keyboard. The words of args have nothing in them that a shell would change.
func (f *fleet) onTerminal(args ...string) (p *program, keyboard io.Writer) {
	f.t.Helper()
	// without exec some shells wait beside the program, and answer a Ctrl-C themselves
	line := strings.Join(append([]string{"exec", f.programFile(), "--config", f.path("aptfleet.toml")}, args...), " ")
	cmd := exec.Command("script", "--quiet", "--flush", "--return", "--command", line, "/dev/null")
	cmd.Env = append(os.Environ(), "TERM=xterm") // or there is no progress bar
	keyboard, err := cmd.StdinPipe()
	f.must(err)
	return f.launch(cmd), keyboard
}

// launch starts a process, which ends with the test.
func (f *fleet) launch(cmd *exec.Cmd) *program {
	f.t.Helper()
	p := &program{Cmd: cmd, ended: make(chan struct{})}
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
