package fleethealth

// Summary counts hosts. Healthy, Failing and Silent make up all of them.
type Summary struct {
	Hosts    int
	Healthy  int
	Failing  int
	Silent   int
	Unprobed int // of the healthy ones, those without any probe

	Drifted  int
	Reboot   int // that ask for one
	Security int // with security upgrades
	Pending  int // with upgrades of any kind

	SecurityUpgrades int // over all hosts
	PendingUpgrades  int
	NoFacts          int // of which upgrades and reboots are not known
}

// Summarize counts.
func Summarize(hosts []Host) Summary {
	s := Summary{Hosts: len(hosts)}
	for i := range hosts {
		h := &hosts[i]
		switch {
		case h.Silent:
			s.Silent++
		case len(h.Failures) > 0:
			s.Failing++
		default:
			s.Healthy++
			count(&s.Unprobed, h.Unprobed)
		}
		count(&s.Drifted, len(h.Drift) > 0)
		s.countFacts(h)
	}
	return s
}

func (s *Summary) countFacts(h *Host) {
	if h.Facts == nil {
		s.NoFacts++
		return
	}
	count(&s.Reboot, h.Facts.RebootRequired)
	if u := h.Facts.Upgrades; u != nil {
		count(&s.Security, u.Security > 0)
		count(&s.Pending, u.Pending > 0)
		s.SecurityUpgrades += u.Security
		s.PendingUpgrades += u.Pending
	}
}

func count(n *int, counts bool) {
	if counts {
		*n++
	}
}
