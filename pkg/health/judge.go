package health

import (
	"fmt"
	"time"
)

// UnitState is how systemd has a unit, in the words of its properties
// (org.freedesktop.systemd1(5)).
type UnitState struct {
	Load, Active, Sub string
	Result            string // of a service that ended: "success", or why not
	ExitStatus        string // of its main process
	Restarts          string // by systemd itself
	Said              string // the last line of its journal, if that can be read
}

// JudgeUnit judges a probe of kind Unit.
func JudgeUnit(p Probe, u UnitState) Result {
	ok := u.Load == "loaded" && (u.Active == "active" || u.Active == "reloading")
	return Result{Probe: p.Name(), OK: ok, Output: Text(u.words())}
}

// words says how the unit is.
func (u UnitState) words() string {
	if u.Load != "loaded" {
		return "is " + u.Load
	}
	words := fmt.Sprintf("is %s (%s)", u.Active, u.Sub)
	if u.Result != "" && u.Result != "success" {
		words += fmt.Sprintf(", result %s, exit status %s", u.Result, u.ExitStatus)
	}
	if u.Restarts != "" && u.Restarts != "0" {
		words += ", restarted " + u.Restarts + " times"
	}
	if u.Said != "" {
		words += "\n" + u.Said
	}
	return words
}

// JudgePackage judges a probe of kind Package by the versions of those packages
// that dpkg is done with.
func JudgePackage(p Probe, installed map[string]string) Result {
	version, ok := installed[p.Target]
	if !ok {
		return Result{Probe: p.Name(), Output: "is not installed, or only half"}
	}
	return Result{Probe: p.Name(), OK: true, Output: version + " is installed"}
}

// JudgeFree judges a probe of kind Disk or Memory by the bytes that are free.
func JudgeFree(p Probe, free int64) Result {
	const mib = 1 << 20
	words := fmt.Sprintf("%d MiB are free, and must be %d MiB", free/mib, (p.MinFree+mib-1)/mib)
	return Result{Probe: p.Name(), OK: free >= p.MinFree, Output: words}
}

// JudgeCommand judges a probe of kind Command that ended by itself.
func JudgeCommand(p Probe, status int, output string) Result {
	if status == 0 {
		return Result{Probe: p.Name(), OK: true, Output: Text(output)}
	}
	return Result{Probe: p.Name(), Output: Text(fmt.Sprintf("exited with %d\n%s", status, output))}
}

// JudgeClock judges a probe of kind Clock by how far the host's clock is ahead
// of the reader's. By more than a minute, it is told to the second: what a report
// takes on its way comes and goes, and is not worth another text each time.
func JudgeClock(p Probe, ahead time.Duration) Result {
	r := Result{Probe: p.Name(), OK: ahead.Abs() <= p.MaxSkew, MaxSkew: p.MaxSkew}
	way := "ahead"
	if ahead < 0 {
		way = "behind"
	}
	exact := time.Millisecond
	if ahead.Abs() > time.Minute {
		exact = time.Second
	}
	r.Output = fmt.Sprintf("is %v %s, and may be %v", ahead.Abs().Round(exact), way, p.MaxSkew)
	return r
}

// Late is the result of a probe that did not end in its time; output is what it
// said until then.
func Late(p Probe, output string) Result {
	return Result{Probe: p.Name(), Output: Text(fmt.Sprintf("did not end within %v\n%s", p.Limit(), output))}
}
