// Package simjob lets simulated hosts play aptfleet's jobs, so that thousands
// of them can be in one rollout.
//
// A [Player] answers the scripts of controller/hostjob as a host would on which
// apt does its work: a job begins once, grows a log and a status by the clock,
// outlives its connection, and leaves other versions behind. It plans, fetches
// beforehand and carries plans out as well. Faults Lock and
// Fail of package simhost become what apt says of them.
//
//	debian := &simhost.Debian{}
//	debian.Shell = (&simjob.Player{Debian: debian, Duration: 15 * time.Second}).Play
//	fleet, err := simhost.Start(simhost.Options{Hosts: 1000, Script: debian.Play})
package simjob

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/integration/simhost"
)

// Player plays the jobs of all hosts of a fleet.
type Player struct {
	Debian   *simhost.Debian // has the packages of the hosts
	Duration time.Duration   // of each job
	Lines    int             // of each job's log; 0 means 20

	mu     sync.Mutex
	jobs   map[key]*job
	leases map[int]lease
}

// key names a job: ids are unique on a host.
type key struct {
	host int
	id   string
}

type lease struct {
	owner string
	until time.Time
}

// request is what the scripts are given: $1 to $6 of both, and of a start more,
// of which $8 is the spec.
type request struct {
	id, owner   string
	lease       time.Duration
	log, status int // offsets
	wait        time.Duration
	start       bool
	spec        string
}

// Play fits simhost.Debian's Shell.
func (p *Player) Play(ctx context.Context, c simhost.Command, script string, args []string) int {
	if strings.Contains(script, "aptfleet-plan") && len(args) == 3 {
		p.plan(c, args[0])
		return 0
	}
	asked, err := parse(script, args)
	if err != nil {
		fmt.Fprintln(c.Stderr, "simjob:", err)
		return 2
	}
	j, refusal := p.job(c, asked)
	switch {
	case refusal != "":
		fmt.Fprintln(c.Stdout, "aptfleet-job refused", refusal)
		return 0
	case j == nil:
		fmt.Fprintln(c.Stdout, "aptfleet-job absent 0 0 0 0 0")
		return 0
	}
	j.await(ctx, asked)
	io.WriteString(c.Stdout, p.look(c.Host, j, asked)) // lost if the client is gone
	return 0
}

func parse(script string, args []string) (request, error) {
	if !strings.Contains(script, "aptfleet-job") || len(args) != 6 && len(args) < 9 {
		return request{}, fmt.Errorf("a script of %d bytes with %d arguments is none of hostjob's", len(script), len(args))
	}
	var n [4]int // lease, offsets, wait
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(args[2+i]); err != nil || n[i] < 0 {
			return request{}, fmt.Errorf("argument %d is %q and no number", 3+i, args[2+i])
		}
	}
	r := request{id: args[0], owner: args[1], lease: seconds(n[0]), log: n[1], status: n[2], wait: seconds(n[3])}
	if r.start = len(args) > 6; r.start {
		r.spec = args[7]
	}
	return r, nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// job finds or starts what was asked for; a refusal says why it may not.
func (p *Player) job(c simhost.Command, r request) (j *job, refusal string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.jobs == nil {
		p.jobs, p.leases = map[key]*job{}, map[int]lease{}
	}
	now := time.Now()
	if held := p.leases[c.Host]; held.owner != r.owner && now.Before(held.until) {
		return nil, fmt.Sprintf("leased %d %s", held.until.Unix(), held.owner)
	}
	if r.lease > 0 {
		p.leases[c.Host] = lease{r.owner, now.Add(r.lease)}
	}
	at := key{c.Host, r.id}
	if p.jobs[at] == nil && r.start {
		p.jobs[at] = p.begin(c, r.spec, now)
	}
	j = p.jobs[at]
	if j != nil && r.start && j.spec != r.spec {
		return nil, "differs"
	}
	return j, ""
}

// look returns the answer about a job as it stands, and at its end gives up the
// lease and installs.
func (p *Player) look(host int, j *job, r request) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.ended(time.Now()) {
		delete(p.leases, host)
		if !j.installed {
			j.installed = true
			j.install(p.Debian, host)
		}
	}
	return j.answer(time.Now(), r)
}
