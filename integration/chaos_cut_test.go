package integration

import (
	"slices"
	"time"

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
// others are done, and so are all of them after a retry.
func (tr *trial) cut() {
	began := time.Now()
	p := tr.begin(append(tr.rolloutArgs(), "--on-failure", "continue"))
	var lost []lab.Host
	if tr.number > 0 && tr.moment(p, tr.course("rollout")) {
		lost = tr.cutSome()
	}
	<-p.ended
	if len(lost) == 0 {
		tr.learn("rollout", p, time.Since(began))
	}
	want := 0
	for _, h := range tr.do("status").end(tr.t).Hosts {
		if h.Verdict != "done" {
			want = 3
			tr.tell("%s is %s: %s", h.Host, h.Verdict, h.Cause)
		}
	}
	if got := p.ProcessState.ExitCode(); got != want {
		tr.wrongf(&tr.wrong, "the rollout ends with status %d, want %d\n%s%s", got, want, p.out.String(), p.errs.String())
	}
	tr.spared(lost)
	if want != 0 {
		id, _ := tr.state()
		if a := tr.run("retry", string(id)); a.status != 0 {
			tr.wrongf(&tr.wrong, "%s", a)
		}
	}
	tr.holds(tr.upgraded)
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

// spared wants the hosts whose links were left alone to be done.
func (tr *trial) spared(lost []lab.Host) {
	end := tr.do("status").end(tr.t)
	for _, h := range tr.lab.Hosts() {
		got := end.host(tr.t, h.Name())
		if got.Verdict != "done" && !slices.Contains(lost, h) {
			tr.wrongf(&tr.wrong, "%s lost nothing and is %s: %s", h.Name(), got.Verdict, got.Cause)
		}
		if got.Verdict == "done" && tr.look(h).version != tr.to {
			tr.wrongf(&tr.wrong, "%s is done, and has shop %s", h.Name(), tr.look(h).version)
		}
	}
}
