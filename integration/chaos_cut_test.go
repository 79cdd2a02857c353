package integration

import (
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/integration/lab"
)

// outage is for how long links are cut: mostly for less than a keep-alive, now and
// then for longer than it takes to connect, and in one of ten trials for longer
// than keep-alives and the controller's patience last.
func (tr *trial) outage() time.Duration {
	least, most := 50*time.Millisecond, 4*time.Second
	switch tr.number % 10 {
	case 2, 6:
		least, most = 4*time.Second, 15*time.Second
	case 9:
		least, most = 25*time.Second, 60*time.Second
	}
	return least + time.Duration(tr.dice.Float64()*float64(most-least))
}

// cut plays one rollout, in the course of which some hosts lose their link for a
// while. Those may end as not done, but never as anything that is not so; the
// others are done, and so are all of them after a retry: or two, as the first may
// find out what became of a host, and that it failed while nobody heard of it.
func (tr *trial) cut() {
	began := time.Now()
	args := append(tr.rolloutArgs(), "--on-failure", "continue")
	p := tr.begin(args)
	loss := loss{trial: tr, planned: !slices.Contains(args, "--no-plan"), failed: map[string]bool{}}
	if tr.number > 0 && tr.moment(p, tr.course(args)) {
		loss.hosts = tr.cutSome()
	}
	<-p.ended
	if len(loss.hosts) == 0 {
		tr.learn(args, p, time.Since(began))
	}
	status, said := p.ProcessState.ExitCode(), p.out.String()+p.errs.String()
	for retries := 0; loss.left(status, said) && retries < 2; retries++ {
		id, _ := tr.state()
		a := tr.run("retry", string(id))
		status, said = a.status, a.String()
	}
	tr.holds(loss.over)
}

// cutSome cuts the links of one to three hosts, now and then of all, and mends
// them after a while.
func (tr *trial) cutSome() []lab.Host {
	lost := tr.lab.Hosts()
	tr.dice.Shuffle(len(lost), func(i, j int) { lost[i], lost[j] = lost[j], lost[i] })
	if tr.dice.IntN(8) > 0 {
		lost = lost[:1+tr.dice.IntN(3)]
	}
	outage := tr.outage()
	for _, h := range lost {
		tr.must(h.Cut())
		tr.blows++
		tr.tell("%s cut for %v", h.Name(), outage.Round(time.Millisecond))
	}
	time.Sleep(outage) // it is the trial
	for _, h := range lost {
		tr.must(h.Mend())
	}
	return lost
}

// loss is what a trial has taken from its hosts.
type loss struct {
	*trial
	hosts   []lab.Host      // whose links were cut
	planned bool            // with packages that are fetched beforehand
	failed  map[string]bool // hosts of which that was said at any time
}

// left reports whether a command has left hosts that are not done, and wants it to
// have ended accordingly and told the truth of all hosts.
func (l loss) left(status int, said string) bool {
	l.t.Helper()
	want := rollout.ExitDone
	for _, h := range l.do("status").end(l.t).Hosts {
		if h.Verdict != "done" {
			want = rollout.ExitSomeFailed
			l.tell("%s is %s: %s", h.Host, h.Verdict, h.Cause)
		}
		l.failed[h.Host] = l.failed[h.Host] || h.Verdict == "failed"
	}
	if status != want {
		l.wrongf(wrong, "it ends with status %d, want %d\n%s", status, want, said)
	}
	if want == rollout.ExitSomeFailed {
		l.holds(l.meanwhile)
	}
	return want == rollout.ExitSomeFailed
}

// meanwhile is the truth of a host before all are done. One that lost its link may
// be unreachable, which nothing was done to; or unknown, and then at work once at
// most. It has failed only where its own apt says that it could not fetch from
// the repository, which lies behind the link as well, and has changed nothing; and
// where that was planned, before any job began that needed it.
func (l loss) meanwhile(h lab.Host) truths {
	if !slices.Contains(l.hosts, h) {
		return l.allUpgraded(h)
	}
	unknown := truth{work: []work{{}, {1, ""}, {1, l.there()}}, atWork: true}
	unreachable, failed := l.untouched(), l.untouched()
	unreachable.away = true
	failed.cause = strings.TrimPrefix(l.url, "http://")
	if !l.planned {
		failed.work = []work{{1, ""}}
	}
	return truths{"done": l.upgraded(1), "unreachable": unreachable, "unknown": unknown, "failed": failed}
}

// over is the truth of a host in the end. One that had failed without a plan needed
// another job.
func (l loss) over(h lab.Host) truths {
	if !l.planned && l.failed[h.Name()] {
		return truths{"done": l.upgraded(2)}
	}
	return l.allUpgraded(h)
}
