package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watcherVar is set in the environment of the process that watches a command.
const watcherVar = "APTFLEET_MEASURE_WATCHER"

// watcherPipe is where the watcher writes its report; exec.Cmd.ExtraFiles
// begin at 3.
const watcherPipe = 3

// report is what a watcher tells the process that started it.
type report struct {
	Cost   Cost
	Status int    // the command's exit status; 128 + number if a signal ended it
	Error  string // the command could not be started
}

// Command runs cmd to its end and returns what it and all its descendants
// cost, also when it fails; an exit status other than zero is an error.
// Descendants that are left when cmd ends (daemons) are told to end, and count.
// The program must have called [Init].
func Command(cmd *exec.Cmd) (Cost, error) {
	path, err := exec.LookPath(cmd.Path)
	if err != nil {
		return Cost{}, fmt.Errorf("cannot measure %s: %w", cmd.Path, err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return Cost{}, fmt.Errorf("cannot measure %s: %w", cmd.Path, err)
	}
	defer reader.Close()
	interpose(cmd, path, writer)
	err = cmd.Start()
	writer.Close()
	if err != nil {
		return Cost{}, fmt.Errorf("cannot measure %s: %w", path, err)
	}
	var told report
	readErr := json.NewDecoder(reader).Decode(&told)
	if err := errors.Join(cmd.Wait(), readErr); err != nil {
		return Cost{}, fmt.Errorf("cannot measure %s: %w", path, err)
	}
	return told.Cost, told.err(path)
}

// interpose makes cmd start a watcher that starts path with cmd's arguments.
func interpose(cmd *exec.Cmd, path string, reportTo *os.File) {
	cmd.Args = append([]string{"measure", path}, cmd.Args[1:]...)
	cmd.Path = "/proc/self/exe"
	cmd.Env = append(cmd.Environ(), watcherVar+"=1")
	cmd.ExtraFiles = []*os.File{reportTo}
	if cmd.Cancel != nil { // made by CommandContext: the watcher passes the end on
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	}
}

func (r report) err(path string) error {
	switch {
	case r.Error != "":
		return errors.New(r.Error)
	case r.Status != 0:
		return fmt.Errorf("%s exited with %d", path, r.Status)
	}
	return nil
}

// Init makes the program fit for [Command]: in a process that Command started
// it watches the command and exits, elsewhere it does nothing.
func Init() {
	if os.Getenv(watcherVar) == "" {
		return
	}
	_ = os.Unsetenv(watcherVar) // cannot fail for a valid name
	unix.CloseOnExec(watcherPipe)
	pipe := os.NewFile(watcherPipe, "report")
	if err := json.NewEncoder(pipe).Encode(watch(os.Args[1:])); err != nil {
		fmt.Fprintln(os.Stderr, "cannot report a measurement:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// watch runs a command in this process, which has no other children.
func watch(argv []string) report {
	// Orphans of the command come to us instead of to init.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return report{Error: fmt.Sprintf("cannot adopt orphans: %v", err)}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return report{Error: fmt.Sprintf("cannot start %s: %v", argv[0], err)}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	cost := sampleUntil(ended, stop)
	cost.Wall = time.Since(start)
	endOrphans()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); err != nil {
		return report{Error: fmt.Sprintf("cannot read what %s used: %v", argv[0], err)}
	}
	cost.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	cost.RSS = max(cost.RSS, usage.Maxrss<<10) // a peak between two samples, of one process
	return report{Cost: cost, Status: exitStatus(cmd.ProcessState)}
}

func exitStatus(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// endOrphans asks what the command left behind to end, waits for it so that
// its CPU is counted, and after ten seconds stops asking nicely.
func endOrphans() {
	ask, patience := syscall.SIGTERM, time.Now().Add(10*time.Second)
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err != nil && err != syscall.EINTR { // ECHILD: nobody is left
			return
		}
		if pid > 0 {
			continue
		}
		if time.Now().After(patience) {
			ask = syscall.SIGKILL
		}
		signalAll(ask)
		time.Sleep(20 * time.Millisecond)
	}
}
