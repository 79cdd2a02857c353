package integration

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/integration/lab"
)

const dpkgLog = "/var/log/dpkg.log"

// truth is what must be so of a host.
type truth struct {
	verdicts []string // any of them
	version  string
	changes  []string // any of these, as dpkg's log has them since the trial began: "1.0>1.1 1.1>1.0"
	broken   bool     // dpkg has not finished with it
}

// holds compares all hosts with what must be so, with what dpkg says, and with
// what aptfleet says. of is asked for each host.
func (tr *trial) holds(of func(lab.Host) truth) {
	tr.t.Helper()
	end := tr.do("status").end(tr.t)
	for _, h := range tr.lab.Hosts() {
		want, got := of(h), end.host(tr.t, h.Name())
		found := tr.look(h)
		if !slices.Contains(want.verdicts, got.Verdict) || found.version != want.version {
			tr.wrongf(&tr.wrong, "%s is %s (%s) and has shop %s, want %q and %s\n%s", h.Name(), got.Verdict, got.Cause, found.version, want.verdicts, want.version, tr.jobLog(h))
		}
		if said, known := got.After["shop"]; known && said != found.version {
			tr.wrongf(&tr.wrong, "%s has shop %s, and the journal says %s", h.Name(), found.version, said)
		}
		if changes := tr.changes(h); !slices.Contains(want.changes, changes) {
			tr.wrongf(&tr.double, "%s has gone the way %q, want %q", h.Name(), changes, want.changes)
		}
		if twice := tr.begunTwice(h, end.ID); twice != "" {
			tr.wrongf(&tr.double, "%s has begun %s twice", h.Name(), twice)
		}
		if found.broken != want.broken || found.audit != "" && !want.broken {
			tr.wrongf(&tr.unclean, "%s has shop %+v, and dpkg says %q", h.Name(), found, found.audit)
		}
		if lease := tr.read(h, "/var/lib/aptfleet/lease"); lease != "" {
			tr.wrongf(&tr.left, "%s is still leased: %s", h.Name(), lease)
		}
	}
}

// found is how a host is by its own dpkg.
type found struct {
	version, audit string
	broken         bool
}

func (tr *trial) look(h lab.Host) found {
	tr.t.Helper()
	status, audit, _ := strings.Cut(tr.exec(h, "sh", "-c", "dpkg-query -W -f '${db:Status-Abbrev}${Version}\\n' shop && dpkg --audit"), "\n")
	version, whole := strings.CutPrefix(status, "ii ")
	if !whole && len(status) > 3 {
		version = status[3:]
	}
	return found{version, audit, !whole}
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

// begunTwice names a job of a rollout that was begun more than once, "" if none
// was: each beginning of the work leaves a folder behind.
func (tr *trial) begunTwice(h lab.Host, id string) string {
	again, err := filepath.Glob(h.Path("/var/lib/aptfleet/jobs/" + id + "-*/attempt-[2-9]"))
	tr.must(err)
	if len(again) == 0 {
		return ""
	}
	return filepath.Base(filepath.Dir(again[0]))
}
