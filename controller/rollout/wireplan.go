package rollout

import "github.com/aptfleet/aptfleet/inventory"

// wirePlan is a Plan, or a part of one, as it is stored. A Plan's digest is
// taken of it too, so it never changes for plans that there may be already.
type wirePlan struct {
	Groups []wireGroup `json:"groups"`
}

type wireGroup struct {
	Hosts    []inventory.HostName `json:"hosts"`
	Changes  [][3]string          `json:"changes,omitempty"` // package, old, new
	Held     []string             `json:"held,omitempty"`
	Deferred [][3]string          `json:"deferred,omitempty"`
	KeptBack [][3]string          `json:"kept_back,omitempty"`
	Same     Versions             `json:"unchanged,omitempty"`
	Download int64                `json:"download,omitempty"`
	Disk     int64                `json:"disk,omitempty"`
	Free     int64                `json:"free,omitempty"`
	Damaged  []string             `json:"damaged,omitempty"`
	Trouble  string               `json:"trouble,omitempty"`

	Unreachable bool `json:"unreachable,omitempty"`
}

func (p *Plan) wire() *wirePlan {
	if p == nil {
		return nil
	}
	w := &wirePlan{Groups: make([]wireGroup, len(p.Groups))}
	for i, g := range p.Groups {
		w.Groups[i] = wireGroup{
			Hosts: g.Hosts, Changes: wireChanges(g.Changes), Deferred: wireChanges(g.Deferred), KeptBack: wireChanges(g.KeptBack),
			Held: g.Held, Same: g.Unchanged, Download: g.Download, Disk: g.Disk, Free: g.Free,
			Damaged: g.Damaged, Trouble: g.Trouble, Unreachable: g.Unreachable,
		}
	}
	return w
}

func (w *wirePlan) live() *Plan {
	if w == nil {
		return nil
	}
	p := &Plan{Groups: make([]Group, len(w.Groups))}
	for i, g := range w.Groups {
		p.Groups[i] = Group{
			Hosts: g.Hosts, Changes: liveChanges(g.Changes), Deferred: liveChanges(g.Deferred), KeptBack: liveChanges(g.KeptBack),
			Held: g.Held, Unchanged: g.Same, Download: g.Download, Disk: g.Disk, Free: g.Free,
			Damaged: g.Damaged, Trouble: g.Trouble, Unreachable: g.Unreachable,
		}
	}
	return p
}

func wireChanges(live []Change) (wire [][3]string) {
	for _, c := range live {
		wire = append(wire, [3]string{c.Package, c.Old, c.New})
	}
	return wire
}

func liveChanges(wire [][3]string) (live []Change) {
	for _, c := range wire {
		live = append(live, Change{c[0], c[1], c[2]})
	}
	return live
}
