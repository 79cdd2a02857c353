package cli

import (
	"errors"
	"fmt"
)

// Exit statuses, as the manual pages document them.
const (
	exitDone   = 0 // all done
	exitBegin  = 1 // cannot begin: configuration, a file, the journal
	exitUsage  = 2 // wrong usage
	exitFailed = 3 // some hosts failed; retrying them can help
)

// exitError is an error that says which status the program ends with.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usageErrorf reports a command line that cannot be meant.
func usageErrorf(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// errQuiet ends the program with a status whose reason has been shown already.
var errQuiet = errors.New("reported")

// failed ends a command whose summary named the hosts that failed.
func failed(status int) error {
	if status == exitDone {
		return nil
	}
	return &exitError{status, errQuiet}
}

// exitStatus returns the status that err asks for.
func exitStatus(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &e):
		return e.status
	}
	return exitBegin
}
