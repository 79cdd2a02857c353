package integration

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/integration/lab"
)

const dpkgLog = "/var/log/dpkg.log"

// truth is what must be so of a host of which aptfleet says one thing.
type truth struct {
	version string
	work    []work // any of these
	cause   string // is within what aptfleet says of it
	broken  bool   // dpkg has not finished with it
	atWork  bool   // it may be at work still, so that nothing but its work is certain
	away    bool   // nobody could reach it to give its lease back
}

// truths are what must be so of a host by its verdict; no other verdict is right.
type truths map[string]truth

// work is what a rollout did on a host: how often a job of apt was begun there,
// and what dpkg did to shop since the trial began, as "1.0>1.1 1.1>1.0".
type work struct {
	jobs    int
	changes string
}

// sighting is how a host was found: what aptfleet says of it, and what the host
// has.
type sighting struct {
	hostEnd
	work
	version, audit, lease string
	broken                bool
}

// The kinds of flaw, as they are counted.
const (
	wrong   = "wrong verdicts"
	double  = "jobs that ran twice"
	unclean = "hosts left unclean"
	leased  = "leases left"
)

// flaw is something that must not be.
type flaw struct{ kind, text string }

// flaws compares a host with what must be so.
func (all truths) flaws(s sighting) (list []flaw) {
	add := func(found bool, kind, format string, a ...any) {
		if found {
			list = append(list, flaw{kind, fmt.Sprintf("%s, which is %s (%s), ", s.Host, s.Verdict, s.Cause) + fmt.Sprintf(format, a...)})
		}
	}
	want, right := all[s.Verdict]
	if !right {
		add(true, wrong, "must be one of %+v", all)
		return list
	}
	add(!strings.Contains(s.Cause, want.cause), wrong, "must be so because of %q", want.cause)
	add(!slices.Contains(want.work, s.work), double, "has %+v behind it, want one of %+v", s.work, want.work)
	if want.atWork {
		return list
	}
	said, known := s.After["shop"]
	add(s.version != want.version, wrong, "has shop %s, want %s", s.version, want.version)
	add(known && said != s.version, wrong, "has shop %s, and the journal says %s", s.version, said)
	add(s.broken != want.broken, unclean, "has a package that dpkg has not finished with: %v, want %v", s.broken, want.broken)
	add(s.audit != "" && !want.broken, unclean, "has an audit that says %s", s.audit)
	add(s.lease != "" && !want.away, leased, "is still leased: %s", s.lease)
	return list
}

// holds compares all hosts with what must be so. of is asked for each host.
func (tr *trial) holds(of func(lab.Host) truths) {
	tr.t.Helper()
	end := tr.do("status").end(tr.t)
	for _, h := range tr.lab.Hosts() {
		for _, f := range of(h).flaws(tr.see(h, end)) {
			tr.wrongf(f.kind, "%s\n%s", f.text, tr.jobLog(h))
		}
	}
}

// see looks at a host.
func (tr *trial) see(h lab.Host, end ended) sighting {
	tr.t.Helper()
	s := sighting{hostEnd: end.host(tr.t, h.Name()), lease: tr.read(h, "/var/lib/aptfleet/lease")}
	s.work = work{tr.count(h, end.ID+"-*-apt-*/attempt-*/began"), tr.changes(h)}
	status, audit, _ := strings.Cut(tr.exec(h, "sh", "-c", "dpkg-query -W -f '${db:Status-Abbrev}${Version}\\n' shop && dpkg --audit"), "\n")
	s.broken, s.audit = !strings.HasPrefix(status, "ii "), audit
	s.version = status[min(len(status), len("ii ")):]
	return s
}

// unpacked is how dpkg's log tells of a package that takes another's place.
var unpacked = regexp.MustCompile(`(?m)^\S+ \S+ (?:upgrade|install) shop:all (\S+) (\S+)$`)

// changes returns what dpkg has done to shop since the trial began.
func (tr *trial) changes(h lab.Host) string {
	var ways []string
	for _, m := range unpacked.FindAllStringSubmatch(tr.read(h, dpkgLog)[tr.mark[h.Name()]:], -1) {
		ways = append(ways, m[1]+">"+m[2])
	}
	return strings.Join(ways, " ")
}
