package simjob

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/integration/simhost"
)

// job is one job on one host. All but installed stays as begin made it; that
// changes under the player's lock.
type job struct {
	spec        string
	begun       time.Time
	took        time.Duration
	log, status growing
	result      string
	after       map[string]string // versions that the job installs
	installed   bool
}

// begin starts a job; the player's lock is held.
func (p *Player) begin(c simhost.Command, spec string, now time.Time) *job {
	wanted, open := p.targets(spec)
	if is(spec, "prefetch") {
		return p.prefetch(spec, wanted, now)
	}
	j := &job{spec: spec, begun: now, took: p.Duration, after: wanted}
	names := sorted(wanted)
	lines, exit, abbreviation := logLines(names, wanted, max(p.Lines, 20)), 0, "ii "
	switch c.Fault {
	case simhost.Lock:
		lines, exit, j.after = append(lines[:2:2], lockHeld), 100, nil
	case simhost.Fail:
		lines, exit, abbreviation = append(lines, postinstFailed(names)...), 100, "iF "
	}
	j.log, j.status = grow(lines), grow(statusLines(names))
	var result strings.Builder
	fmt.Fprintf(&result, "exit %d\n", exit)
	for _, name := range open {
		fmt.Fprintf(&result, "candidate %s %s\noffered %s\n", name, wanted[name], name)
	}
	for _, name := range names {
		result.WriteString(p.change(c.Host, name, j.after[name], abbreviation))
	}
	if exit == 0 {
		for _, name := range absent(spec) {
			result.WriteString(p.removal(c.Host, name))
			j.after[name] = ""
		}
	}
	result.WriteString("end\n")
	j.result = result.String()
	return j
}

// prefetch starts a job that installs nothing.
func (p *Player) prefetch(spec string, wanted map[string]string, now time.Time) *job {
	j := &job{spec: spec, begun: now, took: p.Duration, log: grow([]string{"Fetched"}), status: grow([]string{"aptfleet:phase:prefetch"})}
	j.result = "exit 0\n"
	for _, name := range sorted(wanted) {
		j.result += fmt.Sprintf("kept %s=%s\n", name, wanted[name])
	}
	j.result += "end\n"
	return j
}

// targets reads the packages of a spec with the versions that they get; open
// are those whose version is left to the host.
func (p *Player) targets(spec string) (wanted map[string]string, open []string) {
	wanted = map[string]string{}
	for line := range strings.Lines(spec) {
		value, isPackage := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "package ")
		if !isPackage {
			continue
		}
		name, version, exact := strings.Cut(value, "=")
		if !exact {
			version, open = p.Debian.Candidate(name), append(open, name)
		}
		wanted[name] = version
	}
	return wanted, open
}

// change is what the result says of a package that gets a version; "" leaves it
// as it is.
func (p *Player) change(host int, name, version, abbreviation string) string {
	is := p.Debian.Installed(host, name)
	switch {
	case version == "" && is == "":
		return ""
	case version == "" || is == version && abbreviation == "ii ":
		return fmt.Sprintf("same %s|ii |%s\n", name, is)
	case is == "":
		return fmt.Sprintf("after %s|%s|%s\n", name, abbreviation, version)
	}
	return fmt.Sprintf("before %s|ii |%s\nafter %s|%s|%s\n", name, is, name, abbreviation, version)
}

// absent reads the packages of a spec that are to be removed.
func absent(spec string) (names []string) {
	for line := range strings.Lines(spec) {
		if name, is := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "absent "); is {
			names = append(names, name)
		}
	}
	return names
}

// removal is what the result says of a package that is removed.
func (p *Player) removal(host int, name string) string {
	is := p.Debian.Installed(host, name)
	if is == "" {
		return ""
	}
	return fmt.Sprintf("before %s|ii |%s\n", name, is)
}

func (j *job) install(debian *simhost.Debian, host int) {
	for name, version := range j.after {
		debian.Install(host, name, version)
	}
}

func (j *job) end() time.Time { return j.begun.Add(j.took) }

func (j *job) ended(now time.Time) bool { return !now.Before(j.end()) }

// done is how much of the job is over, from 0 to 1.
func (j *job) done(now time.Time) float64 {
	if j.ended(now) {
		return 1
	}
	return float64(now.Sub(j.begun)) / float64(j.took)
}

// await waits as hostjob's script does: for the end at most as long as was
// asked, and twice as long in all where there are no news.
func (j *job) await(ctx context.Context, r request) {
	for round := range 2 {
		now := time.Now()
		if j.ended(now) || round > 0 && j.news(now, r) || ctx.Err() != nil {
			return
		}
		timer := time.NewTimer(min(r.wait, j.end().Sub(now)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

func (j *job) news(now time.Time, r request) bool {
	return j.log.size(j.done(now)) > r.log || j.status.size(j.done(now)) > r.status
}

// answer is the frame that hostjob reads.
func (j *job) answer(now time.Time, r request) string {
	state, result := "running", ""
	if j.ended(now) {
		state, result = "ended", j.result
	}
	log, status := j.log.until(j.done(now)), j.status.until(j.done(now))
	newLog, newStatus := log[min(r.log, len(log)):], status[min(r.status, len(status)):]
	return fmt.Sprintf("aptfleet-job %s %d %d %d %d %d\n%s%s%s",
		state, len(log), len(newLog), len(status), len(newStatus), len(result), newLog, newStatus, result)
}

func sorted(versions map[string]string) []string {
	var names []string
	for name := range versions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
