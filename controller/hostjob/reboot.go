package hostjob

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
)

// Restart is how the restart of a host stands.
type Restart string

// The states of a restart.
const (
	Needless Restart = "needless" // nothing asks for it, or it is a chroot, which has no boot of its own
	Absent   Restart = "absent"   // it was not ordered
	Busy     Restart = "busy"     // somebody's apt or dpkg is at work and not to be cut short; the words are its pid and name
	Ordered  Restart = "ordered"  // the host is about to go down
	Starting Restart = "starting" // it is in another boot, and not all has been started there
	Back     Restart = "back"     // it is over
)

var rebootReply = lazyregexp.New(`^aptfleet-reboot (needless|absent|busy|ordered|starting|back)(?: (.*))?\n$`)

// Reboot orders the restart of a host that /run/reboot-required or a newer kernel
// than the one that runs asks for. The host notes it under id, with its boot id:
// whoever orders it again in the same boot changes nothing, and in another boot
// learns that it is over. The words say what asked for it.
//
// A host that goes down may take the answer with it: an error of the connection
// says nothing of whether the order arrived. One with an ExitStatus says that it
// was refused.
func Reboot(ctx context.Context, sh Shell, id string) (Restart, string, error) {
	return askRestart(ctx, sh, id, "order")
}

// LookAtReboot returns how a restart stands, and orders nothing.
func LookAtReboot(ctx context.Context, sh Shell, id string) (Restart, string, error) {
	return askRestart(ctx, sh, id, "look")
}

func askRestart(ctx context.Context, sh Shell, id, mode string) (Restart, string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerIn+time.Second*10) // to connect
	defer cancel()
	out, err := sh.Shell(ctx, rebootScript(), id, mode)
	if err != nil {
		return "", "", err
	}
	m := rebootReply().FindSubmatch(out)
	if m == nil {
		return "", "", fmt.Errorf("cannot read the host's answer %.200q", out)
	}
	return Restart(m[1]), strings.TrimSpace(string(m[2])), nil
}
