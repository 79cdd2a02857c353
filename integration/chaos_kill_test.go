package integration

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/integration/lab"
)

// killed plays one rollout whose controller is killed: of hosts that are all
// well, of some that fail and are tried again, of some that fail and are taken
// back by themselves, or one that a person takes back. What follows the rollout is
// killed as well.
func (tr *trial) killed() {
	switch plight := tr.dice.IntN(5); {
	case tr.number == 0, plight <= 1:
		tr.carry(rollout.ExitDone, tr.rolloutArgs()...)
		tr.holds(tr.allUpgraded)
	case plight == 2:
		tr.retried()
	case plight == 3:
		tr.returnedByItself()
	case plight == 4:
		tr.carry(rollout.ExitDone, tr.rolloutArgs()...)
		id, _ := tr.state()
		tr.carry(rollout.ExitReturned, "rollback", string(id), "--yes")
		tr.holds(func(lab.Host) truths { return truths{"returned": tr.returned()} })
		tr.version = tr.from
	}
}

// there is what dpkg does once to a host that is upgraded.
func (tr *trial) there() string { return tr.from + ">" + tr.to }

// upgraded is the truth of a host that is done, by so many jobs.
func (tr *trial) upgraded(jobs int) truth {
	return truth{version: tr.to, work: []work{{jobs, tr.there()}}}
}

// allUpgraded is the truth of every host of a rollout that had no trouble.
func (tr *trial) allUpgraded(lab.Host) truths { return truths{"done": tr.upgraded(1)} }

// returned is the truth of a host that was touched and is back.
func (tr *trial) returned() truth {
	return truth{version: tr.from, work: []work{{2, tr.there() + " " + tr.to + ">" + tr.from}}}
}

// untouched is the truth of a host on which no job of apt was begun.
func (tr *trial) untouched() truth { return truth{version: tr.from, work: []work{{}}} }

// spoil makes the new version fail on one to three hosts.
func (tr *trial) spoil() (bad []lab.Host) {
	hosts := tr.lab.Hosts()
	for _, i := range tr.dice.Perm(len(hosts))[:1+tr.dice.IntN(3)] {
		tr.put(hosts[i], faultFile, "[ \"$(cat /usr/share/shop/version)\" != "+tr.to+" ]\n")
		tr.tell("%s will fail", hosts[i].Name())
		bad = append(bad, hosts[i])
	}
	return bad
}

func (tr *trial) mend(bad []lab.Host) {
	for _, h := range bad {
		tr.put(h, faultFile, "")
	}
}

func (tr *trial) retried() {
	bad := tr.spoil()
	tr.carry(rollout.ExitSomeFailed, append(tr.rolloutArgs(), "--on-failure", "continue")...)
	tr.holds(func(h lab.Host) truths {
		if !slices.Contains(bad, h) {
			return tr.allUpgraded(h)
		}
		failed := tr.upgraded(1)
		failed.broken, failed.cause = true, "the post-installation script of shop failed"
		return truths{"failed": failed}
	})
	tr.mend(bad)
	id, _ := tr.state()
	tr.carry(rollout.ExitDone, "retry", string(id))
	tr.holds(func(h lab.Host) truths {
		if slices.Contains(bad, h) {
			return truths{"done": tr.upgraded(2)}
		}
		return tr.allUpgraded(h)
	})
}

func (tr *trial) returnedByItself() {
	bad := tr.spoil()
	tr.carry(rollout.ExitReturned, append(tr.rolloutArgs(), "--on-failure", "rollback", "--max-failures", "0")...)
	tr.mend(bad)
	back := tr.returned()
	back.work = append(back.work, work{}) // killed after it had said that it would begin
	tr.holds(func(lab.Host) truths { return truths{"returned": back, "not started": tr.untouched()} })
	tr.version = tr.from
}

// carry runs a command, kills it at a random moment, and often whoever resumes as
// well, until the rollout is finished. A command that was killed before it had
// journaled what it was to do is given again.
func (tr *trial) carry(status int, args ...string) {
	tr.t.Helper()
	kills := 1
	for kills < 4 && tr.dice.IntN(2) == 0 {
		kills++
	}
	if tr.number == 0 { // from which the others learn
		kills = 0
	}
	for next := args; next != nil; kills-- {
		began := time.Now()
		p := tr.begin(next)
		tr.tell("%s", next[0])
		if kills > 0 && tr.kill(p, next) {
			next = tr.next(status, args)
			continue
		}
		<-p.ended
		tr.learn(next, p, time.Since(began))
		if got := p.ProcessState.ExitCode(); got != status {
			tr.wrongf(wrong, "%q ends with status %d, want %d\n%s%s", next, got, status, p.out.String(), p.errs.String())
		}
		return
	}
}

// kill kills a command at a random moment, and reports whether it met it alive.
func (tr *trial) kill(p *program, args []string) bool {
	if !tr.moment(p, tr.course(args)) {
		tr.tell("too late")
		return false
	}
	if err := p.Process.Kill(); !errors.Is(err, os.ErrProcessDone) { // which came in between
		tr.must(err)
	}
	<-p.ended
	if p.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
		tr.blows++
		tr.tell("killed after %d lines", p.out.lines())
		return true
	}
	return false
}

// next returns the command that goes on after a kill, nil where nothing is left
// to be done. Then the journal has the status with which the command would have
// ended.
func (tr *trial) next(status int, args []string) []string {
	id, state := tr.state()
	decided := state != nil
	switch {
	case decided && args[0] == "retry":
		decided = slices.ContainsFunc(state.Hosts(), func(h rollout.HostState) bool { return h.Attempt > 1 })
	case decided && args[0] == "rollback":
		decided = state.Returning
	}
	switch {
	case !decided:
		return args
	case state.Phase == rollout.Finished:
		if got := state.ExitStatus(); got != status {
			tr.wrongf(wrong, "%q was killed once all was done, with status %d, want %d", args, got, status)
		}
		return nil
	}
	return []string{"resume", string(id), "--yes"} // should its plan not be approved yet
}
