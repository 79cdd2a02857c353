package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
)

// fakeroot lets the commands of a host believe that they are root, and
// remembers the owners they gave to files: by one daemon for as long as the
// host is there, because commands come and go, and a detached one must not lose
// it with the command that started it.
type fakeroot struct {
	holder *exec.Cmd // a shell under fakeroot(1), which ends the daemon when it ends
	stdin  io.Closer // what the shell waits on
	env    []string  // what makes a command part of it
}

// fakerootVariables are what fakeroot(1) sets for its command.
const fakerootVariables = "FAKEROOTKEY LD_LIBRARY_PATH LD_PRELOAD"

func startFakeroot() (*fakeroot, error) {
	script := `for name in ` + fakerootVariables + `; do eval "echo $name=\$$name"; done; echo; read -r end`
	cmd := exec.Command("fakeroot", "sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start fakeroot, which light hosts need where the lab is not root: %w", err)
	}
	f := &fakeroot{holder: cmd, stdin: stdin}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && lines.Text() != "" {
		f.env = append(f.env, lines.Text())
	}
	if len(f.env) != len(strings.Fields(fakerootVariables)) {
		return nil, errors.Join(errors.New("cannot start fakeroot: it does not say its key"), f.close())
	}
	return f, nil
}

// close ends the daemon.
func (f *fakeroot) close() error {
	_ = f.stdin.Close() // the shell reads the end of its input, which is no success to it
	var status *exec.ExitError
	if err := f.holder.Wait(); err != nil && !errors.As(err, &status) {
		return err
	}
	return nil
}
