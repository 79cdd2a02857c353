package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// run is one boot of a host: an nspawn and the system in it, from power on
// until it ends.
type run struct {
	nspawn *exec.Cmd
	ended  chan struct{} // closed when nspawn is gone
	next   *run          // the boot after a reboot; set before ended is closed
}

// exitReboot is how nspawn with --keep-unit ends when the system in it reboots:
// its service manager, which is us, is to start it again.
const exitReboot = 133

// enterCgroup moves itself into the groups named before "--", and becomes the
// command after it.
const enterCgroup = `while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@"`

// PowerOn boots the host and returns when its SSH server answers.
func (h *bootedHost) PowerOn(ctx context.Context) error {
	h.mu.Lock()
	if h.run != nil {
		h.mu.Unlock()
		return fmt.Errorf("%s: cannot power on: it is on", h.Name())
	}
	r, err := h.start()
	h.run = r
	h.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: cannot power on: %w", h.Name(), err)
	}
	return h.await(ctx, r)
}

// start starts nspawn. The caller holds mu.
func (h *bootedHost) start() (*run, error) {
	cmd, err := h.nspawn("--boot")
	if err != nil {
		return nil, err
	}
	console, err := os.OpenFile(h.console(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer console.Close()
	cmd.Stdout, cmd.Stderr = console, console
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &run{nspawn: cmd, ended: make(chan struct{})}
	go h.supervise(r)
	return r, nil
}

// nspawn prepares systemd-nspawn on the host's disk, with more arguments.
func (h *bootedHost) nspawn(more ...string) (*exec.Cmd, error) {
	groups, err := h.cgroup().make()
	if err != nil {
		return nil, err
	}
	_ = ip("link", "delete", h.link()) // of the last boot, if the kernel still has it
	args := append([]string{"-c", enterCgroup, "lab"}, groups...)
	args = append(args, "--", "systemd-nspawn", "--quiet", "--directory="+h.root(),
		"--machine="+h.machine(), "--hostname="+h.Name(), "--network-bridge="+h.site.bridge(),
		"--register=no", "--keep-unit", "--resolv-conf=off", "--timezone=off", "--link-journal=no")
	cmd := exec.Command("sh", append(args, more...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal's Ctrl-C is the lab's to act on
	return cmd, nil
}

// supervise waits for the end of a boot, and starts the next one after a
// reboot.
func (h *bootedHost) supervise(r *run) {
	_ = r.nspawn.Wait() // its status is asked for below
	h.mu.Lock()
	defer h.mu.Unlock()
	defer close(r.ended)
	if h.run != r { // the power was turned off
		return
	}
	h.run = nil
	if r.nspawn.ProcessState.ExitCode() == exitReboot {
		if next, err := h.start(); err == nil {
			r.next, h.run = next, next
		}
	}
}

// PowerOff kills the host's first process, with which the kernel ends all
// others.
func (h *bootedHost) PowerOff() error {
	h.mu.Lock()
	r := h.run
	h.run = nil
	h.mu.Unlock()
	if r == nil {
		return nil
	}
	pid, err := r.leader()
	if err != nil { // before the system in it began
		pid = r.nspawn.Process.Pid
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%s: cannot power off: %w", h.Name(), err)
	}
	<-r.ended
	return h.cgroup().kill() // what began just now, and nspawn had not taken charge of
}

// Reboot asks the host's systemd to reboot it.
func (h *bootedHost) Reboot(ctx context.Context) error {
	h.mu.Lock()
	r := h.run
	h.mu.Unlock()
	if r == nil {
		return fmt.Errorf("%s: cannot reboot: it is off", h.Name())
	}
	if _, err := h.Exec(ctx, "systemctl", "reboot"); err != nil {
		return fmt.Errorf("%s: cannot reboot: %w", h.Name(), err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: cannot reboot: %w", h.Name(), context.Cause(ctx))
	case <-r.ended:
	}
	if r.next == nil {
		return fmt.Errorf("%s: cannot reboot: nspawn ended with %s%s", h.Name(), r.nspawn.ProcessState, h.lastWords())
	}
	return h.await(ctx, r.next)
}

// bootPatience is how long a boot may take, on a busy machine.
const bootPatience = 2 * time.Minute

// await returns when the SSH server of a boot answers.
func (h *bootedHost) await(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(ctx, bootPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !h.answers(ctx) {
		select {
		case <-r.ended:
			return fmt.Errorf("%s: cannot boot: nspawn ended with %s%s", h.Name(), r.nspawn.ProcessState, h.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s: cannot boot: SSH does not answer: %w%s", h.Name(), context.Cause(ctx), h.lastWords())
		case <-tick.C:
		}
	}
	return nil
}

// answers says whether the host's SSH server greets.
func (h *bootedHost) answers(ctx context.Context) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(h.Address(), "22"))
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second)) // a TCP connection takes deadlines
	greeting := make([]byte, len("SSH-"))
	_, err = io.ReadFull(conn, greeting)
	return err == nil && string(greeting) == "SSH-"
}

func (h *bootedHost) console() string { return filepath.Join(h.dir(), "console.log") }

// lastWords is the end of what the host said on its console, for messages.
func (h *bootedHost) lastWords() string {
	text, err := os.ReadFile(h.console())
	if err != nil || len(text) == 0 {
		return ""
	}
	return "\n" + string(text[max(0, len(text)-2000):])
}

// leader returns the pid, outside, of the host's first process: the child of
// nspawn that is 1 in its own pid namespace (proc_pid_status(5)).
func (r *run) leader() (int, error) {
	parent := r.nspawn.Process.Pid
	file := fmt.Sprintf("/proc/%d/task/%d/children", parent, parent)
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for _, child := range strings.Fields(string(text)) {
		status, err := os.ReadFile("/proc/" + child + "/status")
		if err == nil && firstOfNamespace(string(status)) {
			return strconv.Atoi(child)
		}
	}
	return 0, errors.New("the host's first process is not there")
}

func firstOfNamespace(status string) bool {
	for line := range strings.Lines(status) {
		if pids, ok := strings.CutPrefix(line, "NSpid:"); ok {
			f := strings.Fields(pids)
			return len(f) > 1 && f[len(f)-1] == "1"
		}
	}
	return false
}
