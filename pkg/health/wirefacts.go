package health

import (
	"fmt"
	"time"
)

// wireFacts is Facts as they are sent.
type wireFacts struct {
	Agent          string        `json:"agent"`
	Upgrades       *wireUpgrades `json:"upgrades,omitempty"`
	RebootRequired bool          `json:"reboot_required,omitempty"`
	Memory         int64         `json:"memory,omitempty"`
	Available      int64         `json:"available,omitempty"`
}

type wireUpgrades struct {
	Pending  int   `json:"pending"`
	Security int   `json:"security"`
	Lists    int64 `json:"lists_age_s,omitempty"`
}

// Bounds of facts.
const (
	maxAgent    = 64                    // bytes of Facts.Agent
	maxUpgrades = 1 << 20               // packages
	maxAge      = 100 * 365 * 24 * 3600 // seconds
	maxMemory   = int64(1) << 50        // bytes
)

func (f *Facts) wire() *wireFacts {
	if f == nil {
		return nil
	}
	w := &wireFacts{Agent: f.Agent, RebootRequired: f.RebootRequired, Memory: f.Memory, Available: f.Available}
	if u := f.Upgrades; u != nil {
		w.Upgrades = &wireUpgrades{Pending: u.Pending, Security: u.Security, Lists: int64(u.Lists / time.Second)}
	}
	return w
}

// live checks what came over the wire.
func (w *wireFacts) live() (*Facts, error) {
	if w == nil {
		return nil, nil
	}
	f := &Facts{Agent: w.Agent, RebootRequired: w.RebootRequired, Memory: w.Memory, Available: w.Available}
	switch {
	case len(w.Agent) > maxAgent || Text(w.Agent) != w.Agent:
		return nil, fmt.Errorf("%.80q is no version of an agent", w.Agent)
	case w.Memory < 0 || w.Memory > maxMemory || w.Available < 0 || w.Available > w.Memory:
		return nil, fmt.Errorf("%d of %d bytes of memory cannot be available", w.Available, w.Memory)
	}
	if u := w.Upgrades; u != nil {
		if u.Security < 0 || u.Pending < u.Security || u.Pending > maxUpgrades || u.Lists < 0 || u.Lists > maxAge {
			return nil, fmt.Errorf("%d of %d upgrades cannot be for security, by lists %d s old", u.Security, u.Pending, u.Lists)
		}
		f.Upgrades = &Upgrades{Pending: u.Pending, Security: u.Security, Lists: time.Duration(u.Lists) * time.Second}
	}
	return f, nil
}
