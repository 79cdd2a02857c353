package cli

import (
	"net/http"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// plans are those that a daemon was asked for, until they are approved or
// forgotten. The zero value has none.
type plans struct {
	mu  sync.Mutex
	all map[string]madePlan // by digest
}

// madePlan is a plan and what it is for.
type madePlan struct {
	spec  rollout.Spec
	hosts []inventory.Host
	plan  rollout.Plan
	made  time.Time
}

// Bounds of what is kept: a plan is as large as its fleet.
const (
	maxPlans = 20
	planLife = time.Hour
)

// keep keeps a plan, and forgets the old ones.
func (p *plans) keep(m madePlan) (digest string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[string]madePlan{}
	}
	m.made = time.Now()
	digest = m.plan.Digest()
	p.all[digest] = m
	for len(p.all) > maxPlans {
		p.forgetOldest()
	}
	return digest
}

func (p *plans) forgetOldest() {
	oldest := ""
	for digest, m := range p.all {
		if oldest == "" || m.made.Before(p.all[oldest].made) {
			oldest = digest
		}
	}
	delete(p.all, oldest)
}

// take returns a plan, once.
func (p *plans) take(digest string) (madePlan, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, ok := p.all[digest]
	delete(p.all, digest)
	if !ok || time.Since(m.made) > planLife {
		return m, &server.Problem{Status: http.StatusConflict, Key: "plan", Detail: "this plan is not known any more: plan again"}
	}
	return m, nil
}
