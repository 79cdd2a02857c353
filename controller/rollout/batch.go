package rollout

import (
	"cmp"
	"slices"

	"github.com/aptfleet/aptfleet/inventory"
)

// The labels that a rollout heeds. A host whose canary label is there and not
// "no" or "false" comes before all others. Hosts that share a mutex and a pair
// label are a pair, and so are those that share a mutex and have no such label.
const (
	canaryLabel = "canary"
	pairLabel   = "pair"
)

// Take fills in the hosts of the spec, and what the inventory says of them now
// that decides on their order. It is kept, for the inventory may be another when
// a controller resumes.
func (s *Spec) Take(hosts []inventory.Host) {
	type pair struct{ mutex, label string }
	pairs := map[pair]int{}
	s.Hosts, s.Canaries, s.Pairs = make([]inventory.HostName, len(hosts)), nil, nil
	for i, h := range hosts {
		s.Hosts[i] = h.Name
		if isCanary(h) {
			s.Canaries = append(s.Canaries, h.Name)
		}
		if h.Mutex == "" {
			continue
		}
		key := pair{h.Mutex, h.Labels[pairLabel]}
		if _, ok := pairs[key]; !ok {
			pairs[key] = len(s.Pairs)
			s.Pairs = append(s.Pairs, nil)
		}
		s.Pairs[pairs[key]] = append(s.Pairs[pairs[key]], h.Name)
	}
	s.Pairs = slices.DeleteFunc(s.Pairs, func(pair []inventory.HostName) bool { return len(pair) < 2 })
}

func isCanary(h inventory.Host) bool {
	switch value, ok := h.Labels[canaryLabel]; value {
	case "no", "false":
		return false
	default:
		return ok
	}
}

// Batches returns the hosts in the order in which they are begun, cut into
// batches: canaries first, else as in Hosts.
func (s *Spec) Batches() [][]inventory.HostName {
	canary := make(map[inventory.HostName]bool, len(s.Canaries))
	for _, name := range s.Canaries {
		canary[name] = true
	}
	rest := slices.Clone(s.Hosts)
	slices.SortStableFunc(rest, func(a, b inventory.HostName) int {
		return cmp.Compare(rank(canary[a]), rank(canary[b]))
	})
	var batches [][]inventory.HostName
	for len(rest) > 0 {
		n := s.Policy.batchSize(len(batches), len(s.Hosts))
		n = min(n, len(rest))
		batches = append(batches, rest[:n:n])
		rest = rest[n:]
	}
	return batches
}

func rank(canary bool) int {
	if canary {
		return 0
	}
	return 1
}

// batchSize returns the size of a batch, counted from 0, of at least one host.
func (p Policy) batchSize(batch, hosts int) int {
	if len(p.Batches) == 0 {
		return hosts
	}
	return max(1, p.Batches[min(batch, len(p.Batches)-1)].Of(hosts))
}
