package fleethealth

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// maxNames is how many hosts of a group are named, and maxGroups how many groups
// of a section are shown: a page must do for a thousand hosts.
const (
	maxNames  = 12
	maxGroups = 15
)

// Write writes a fleet for a person: the counts first, and then the hosts that
// need one, those with the same trouble together. Times are as of now, and in its
// time zone.
func Write(w io.Writer, hosts []Host, now time.Time) {
	writeCounts(w, Summarize(hosts))
	silent := func(h *Host) bool { return h.Silent }
	section(w, "FAILING", groupFailures(hosts, now))
	section(w, "SILENT", group(hosts, silent, func(h *Host) string { return cmp.Or(firstLine(h.Trouble), "no report") },
		func(h *Host) string { return silence(h.Reported, now) }))
	section(w, "DRIFTED", groupDrift(hosts))
	section(w, "REBOOT REQUIRED", group(hosts, func(h *Host) bool { return h.Facts != nil && h.Facts.RebootRequired }, nil, nil))
	section(w, "SECURITY UPGRADES", group(hosts, hasSecurity, nil, func(h *Host) string { return fmt.Sprint(h.Facts.Upgrades.Security) }))
}

func hasSecurity(h *Host) bool {
	return h.Facts != nil && h.Facts.Upgrades != nil && h.Facts.Upgrades.Security > 0
}

// writeCounts writes the counts, of which those that are zero say nothing.
func writeCounts(w io.Writer, s Summary) {
	line := fmt.Sprintf("%s: %d healthy", inventory.Count(s.Hosts), s.Healthy)
	if s.Unprobed > 0 {
		line += fmt.Sprintf(" (%d of them without probes)", s.Unprobed)
	}
	fmt.Fprintln(w, line+counts([]part{{s.Failing, "failing"}, {s.Silent, "silent"}, {s.Drifted, "drifted"}}))
	if s.NoFacts < s.Hosts {
		fmt.Fprintln(w, s.asks())
	}
	if s.NoFacts > 0 {
		fmt.Fprintf(w, "upgrades and reboots are not known of %d\n", s.NoFacts)
	}
}

// asks says what hosts ask for.
func (s Summary) asks() string {
	var words []string
	if s.Security > 0 {
		words = append(words, fmt.Sprintf("%d security upgrades on %s", s.SecurityUpgrades, inventory.Count(s.Security)))
	}
	if s.Pending > 0 {
		words = append(words, fmt.Sprintf("%d upgrades of any kind on %d", s.PendingUpgrades, s.Pending))
	}
	if s.Reboot > 0 {
		words = append(words, fmt.Sprintf("reboot required on %d", s.Reboot))
	}
	return cmp.Or(strings.Join(words, ", "), "nothing to upgrade, and no reboot required")
}

type part struct {
	n    int
	word string
}

func counts(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		if p.n > 0 {
			fmt.Fprintf(&b, ", %d %s", p.n, p.word)
		}
	}
	return b.String()
}

// section writes one kind of trouble, that of the most hosts first.
func section(w io.Writer, title string, groups []troubleGroup) {
	if len(groups) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	slices.SortStableFunc(groups, func(a, b troubleGroup) int { return len(b.hosts) - len(a.hosts) })
	for _, g := range groups[:min(len(groups), maxGroups)] {
		if g.trouble != "" {
			fmt.Fprintf(w, "  %s\n", g.trouble+g.output)
		}
		g.writeNames(w)
	}
	if more := len(groups) - maxGroups; more > 0 {
		fmt.Fprintf(w, "  and %d more kinds of trouble: --json has them all\n", more)
	}
}

// groupFailures puts together what fails in the same way. That of a silent host is
// old, and not shown.
func groupFailures(hosts []Host, now time.Time) []troubleGroup {
	groups := map[string]*troubleGroup{}
	for _, h := range hosts {
		for _, f := range h.Failures {
			if h.Silent {
				continue
			}
			first, rest, more := strings.Cut(f.Output, "\n")
			g := add(groups, f.Probe+": "+opening(first), h.Name, since(f.Since, now))
			if len(g.hosts) == 1 && more {
				g.output = " / " + strings.ReplaceAll(brief(rest), "\n", " / ")
			}
		}
	}
	return sorted(groups)
}

// groupDrift puts together the hosts on which the same package is the same other
// one.
func groupDrift(hosts []Host) []troubleGroup {
	groups := map[string]*troubleGroup{}
	for _, h := range hosts {
		for _, d := range h.Drift {
			add(groups, fmt.Sprintf("%s is %s, and %s left %s", d.Package, version(d.Have), h.Drifted, version(d.Want)), h.Name, "")
		}
	}
	return sorted(groups)
}

func version(v string) string { return cmp.Or(opening(v), "not installed") }

// mostRunes is how much of one thing that a host said is shown.
const mostRunes = 200

// opening keeps the beginning of what a host said.
func opening(s string) string {
	if runes := []rune(s); len(runes) > mostRunes {
		return string(runes[:mostRunes]) + "…"
	}
	return s
}

// brief keeps the end of what a host said.
func brief(s string) string {
	if runes := []rune(s); len(runes) > mostRunes {
		return "…" + string(runes[len(runes)-mostRunes:])
	}
	return s
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// since says from when on something has been so.
func since(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	return fmt.Sprintf("since %s, %s", clock(at, now), ago(now.Sub(at)))
}

// silence says from when on a silent host has been so.
func silence(heard, now time.Time) string { return cmp.Or(since(heard, now), "never heard") }

// clock writes a time of the last day without its date.
func clock(at, now time.Time) string {
	at = at.In(now.Location())
	if now.Sub(at) < 24*time.Hour {
		return at.Format("15:04")
	}
	return at.Format(time.DateOnly)
}

// ago writes how long something has been, in its largest unit.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dmin", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
