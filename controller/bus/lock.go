package bus

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// LockedError says that another process has the state folder.
type LockedError struct {
	State   string
	PID     int    // 0 if the holder has not written its note yet
	Command string // what the holder runs
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("cannot use state folder %s: another aptfleet has it", e.State)
	}
	return fmt.Sprintf("cannot use state folder %s: process %d has it (%s)", e.State, e.PID, e.Command)
}

// lock takes the state folder for this process, for as long as the returned
// file is open. The file stays behind: removing it would let a third process
// lock a new one while a second waits on the old.
func lock(state, command string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(state, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, stateError("lock", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, readNote(f, state)
		}
		return nil, fmt.Errorf("cannot lock %s: %w", f.Name(), err)
	}
	if err := writeNote(f, command); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write %s: %w", f.Name(), err)
	}
	return f, nil
}

// stateError says what cannot be done with the state folder, and what helps whoever
// is not its owner.
func stateError(verb string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("cannot %s state folder: %w: be root or the user whose it is, or name one of your own with state in aptfleet.toml", verb, err)
	}
	return fmt.Errorf("cannot %s state folder: %w", verb, err)
}

// Free returns a *LockedError if a process has the state folder now. Another one may
// take it a moment later: this is to tell people early, and Open to be sure.
func Free(state string) error {
	f, err := os.Open(filepath.Join(state, "lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return stateError("look at", err)
	}
	defer f.Close()
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return readNote(f, state)
	case err != nil:
		return fmt.Errorf("cannot look at %s: %w", f.Name(), err)
	}
	return syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
}

// unlock gives the folder back. Closing the file alone would not where a child of
// this process has just been forked and still has a copy of it (flock(2)).
func unlock(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

// writeNote leaves this process's id and command in the locked file.
func writeNote(f *os.File, command string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%d %s\n", os.Getpid(), oneLine(command)), 0)
	return err
}

// readNote tells who holds the file.
func readNote(f *os.File, state string) *LockedError {
	held := &LockedError{State: state}
	note, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return held // that it is locked matters more than by whom
	}
	pid, command, _ := strings.Cut(strings.TrimSpace(string(note)), " ")
	if n, err := strconv.Atoi(pid); err == nil {
		held.PID, held.Command = n, command
	}
	return held
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
