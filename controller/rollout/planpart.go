package rollout

import "slices"

// partSize is how much of a plan is put into one event, in bytes, roughly. The
// bus takes messages of up to 8 MiB.
const partSize = 1 << 20

// Events returns the events that freeze the plan in a journal, of which there
// are several if it is large. It counts once it is approved.
func (p Plan) Events() []Event {
	parts := p.parts(partSize)
	events := make([]Event, len(parts))
	for i := range parts {
		events[i] = Event{Kind: KindPlanned, Plan: &parts[i], Part: i + 1, Parts: len(parts)}
	}
	return events
}

// parts cuts the plan into parts of about size bytes. A group that is too large
// for one is in several.
func (p Plan) parts(size int) []Plan {
	parts := []Plan{{}}
	left := size
	for _, g := range p.Groups {
		for rest := g.Hosts; len(rest) > 0; {
			if left <= 0 {
				parts, left = append(parts, Plan{}), size
			}
			left -= g.size()
			n := 0
			for ; n < len(rest) && (n == 0 || left > 0); n++ {
				left -= len(rest[n]) + 3
			}
			g.Hosts = rest[:n:n]
			rest = rest[n:]
			last := &parts[len(parts)-1]
			last.Groups = append(last.Groups, g)
		}
	}
	return parts
}

// size is about what a group takes when stored, without its hosts.
func (g Group) size() int {
	n := 100 + len(g.Trouble)
	for _, c := range slices.Concat(g.Changes, g.Deferred, g.KeptBack) {
		n += len(c.Package) + len(c.Old) + len(c.New) + 30
	}
	for _, h := range g.Held {
		n += len(h) + 3
	}
	return n
}
