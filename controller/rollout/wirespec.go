package rollout

import (
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// wireSpec is a Spec as it is stored. Version 1 had no policy but parallel.
type wireSpec struct {
	Mode     Mode                   `json:"mode"`
	Packages []wirePackage          `json:"packages,omitempty"`
	Suite    string                 `json:"suite,omitempty"`
	Selector string                 `json:"selector,omitempty"`
	Hosts    []inventory.HostName   `json:"hosts"`
	Canaries []inventory.HostName   `json:"canaries,omitempty"`
	Pairs    [][]inventory.HostName `json:"pairs,omitempty"`
	Parallel int                    `json:"parallel"`
	Policy   *wirePolicy            `json:"policy,omitempty"`
	Planned  bool                   `json:"planned,omitempty"`
	Remove   []string               `json:"allow_remove,omitempty"`
	Held     []string               `json:"allow_held,omitempty"`
	Reboot   Reboot                 `json:"reboot,omitempty"`
	Who      string                 `json:"who,omitempty"`
	When     time.Time              `json:"when"`
	Command  []string               `json:"command,omitempty"`
}

type wirePackage struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// wirePolicy is all of a Policy but Parallel. Durations are in nanoseconds.
type wirePolicy struct {
	Batches     []Amount      `json:"batches,omitempty"`
	MaxFailures Amount        `json:"max_failures,omitzero"`
	OnFailure   OnFailure     `json:"on_failure,omitempty"`
	Gate        bool          `json:"gate,omitempty"`
	Settle      time.Duration `json:"settle,omitempty"`
	Deadline    time.Duration `json:"deadline,omitempty"`
	Pause       time.Duration `json:"pause,omitempty"`
	Confirm     bool          `json:"confirm,omitempty"`
}

func (s *Spec) wire() *wireSpec {
	if s == nil {
		return nil
	}
	p := s.Policy
	w := &wireSpec{
		Mode: s.Mode, Suite: s.Suite, Selector: s.Selector, Hosts: s.Hosts, Canaries: s.Canaries, Pairs: s.Pairs,
		Parallel: p.Parallel, Planned: s.Planned, Remove: s.Allow.Remove, Held: s.Allow.Held, Reboot: s.Reboot, Who: s.Who, When: s.When, Command: s.Command,
		Policy: &wirePolicy{p.Batches, p.MaxFailures, p.OnFailure, p.Gate, p.Settle, p.Deadline, p.Pause, p.Confirm},
	}
	for _, p := range s.Packages {
		w.Packages = append(w.Packages, wirePackage(p))
	}
	return w
}

func (w *wireSpec) live() *Spec {
	if w == nil {
		return nil
	}
	s := &Spec{
		Mode: w.Mode, Suite: w.Suite, Selector: w.Selector, Hosts: w.Hosts, Canaries: w.Canaries, Pairs: w.Pairs,
		Policy: w.Policy.live(w.Parallel), Planned: w.Planned, Allow: Allowance{w.Remove, w.Held}, Reboot: w.Reboot, Who: w.Who, When: w.When, Command: w.Command,
	}
	for _, p := range w.Packages {
		s.Packages = append(s.Packages, Package(p))
	}
	return s
}

func (w *wirePolicy) live(parallel int) Policy {
	if w == nil {
		return Policy{Parallel: parallel}
	}
	return Policy{parallel, w.Batches, w.MaxFailures, w.OnFailure, w.Gate, w.Settle, w.Deadline, w.Pause, w.Confirm}
}
