package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/aptfleet/aptfleet/pkg/health"
	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
)

// serverLog takes what the server logs. Its errors are about those who connect,
// or about its store; a store that failed to write once takes nothing more until
// it is opened again.
type serverLog struct {
	log     *slog.Logger
	refused *LimitedLog
	working context.Context // cancelled with the first error; not a request's, so it may live in a struct
	fail    context.CancelCauseFunc
	warning atomic.Pointer[string] // the last
}

func newServerLog(log *slog.Logger) *serverLog {
	if log == nil {
		log = slog.Default()
	}
	working, fail := context.WithCancelCause(context.Background())
	return &serverLog{log: log, refused: NewLimitedLog(log), working: working, fail: fail}
}

// ofClient is how the server begins what it says of a connection: the address,
// and the number that it gave it.
var ofClient = lazyregexp.New(`^(\S+) - [a-z]+:\d+ - `)

// ofListener is how it begins what it says of the listener as a whole, to which too
// many may connect.
var ofListener = lazyregexp.New(`^(Temporary )?\w+ Accept [Ee]rror`)

// failure returns the first error of the server's store, or nil.
func (l *serverLog) failure() error { return context.Cause(l.working) }

// reason returns what the server last complained of.
func (l *serverLog) reason() error {
	if err := l.failure(); err != nil {
		return err
	}
	if w := l.warning.Load(); w != nil {
		return errors.New(*w)
	}
	return errors.New("the server does not say why")
}

// Noticef and the methods below make it a server.Logger. Notices are of no
// interest to the user of a command.
func (l *serverLog) Noticef(format string, v ...any) { l.debug(format, v) }

// Debugf is never called, since debugging is off.
func (l *serverLog) Debugf(format string, v ...any) { l.debug(format, v) }

// Tracef is never called, since tracing is off.
func (l *serverLog) Tracef(format string, v ...any) { l.debug(format, v) }

// Warnf is for what the server could put right itself.
func (l *serverLog) Warnf(format string, v ...any) {
	message := strings.TrimSpace(fmt.Sprintf(format, v...))
	if l.connections("the bus warns of a connection", message) {
		return
	}
	l.warning.Store(&message)
	l.log.Warn("the bus warns", "message", message)
}

// Errorf is for what it could not. What is about its store is not logged:
// whoever waits for the bus is given it as an error.
func (l *serverLog) Errorf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	if !l.connections("the bus refused something", err.Error()) {
		l.fail(err)
	}
}

// connections logs a message that is about those who connect, and reports
// whether it is. They decide how many there are, and their words are in it.
func (l *serverLog) connections(kind, message string) bool {
	if m := ofClient().FindStringSubmatch(message); m != nil {
		if strings.HasSuffix(message, " - authentication error") {
			return true // the connMonitor knows more of it
		}
		l.refused.Warn(kind, "address", m[1], "message", health.Text(message[len(m[0]):]))
		return true
	}
	if ofListener().MatchString(message) {
		l.refused.Warn("the bus cannot take connections", "message", message)
		return true
	}
	return false
}

// Fatalf does not end the process: Open notices that the server is not there.
func (l *serverLog) Fatalf(format string, v ...any) { l.Errorf(format, v...) }

func (l *serverLog) debug(format string, v []any) {
	l.log.Debug("the bus says", "message", fmt.Sprintf(format, v...))
}
