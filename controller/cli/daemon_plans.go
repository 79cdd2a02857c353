package cli

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// planCache are those that a daemon was asked for, until they are approved or
// forgotten. The zero value has none.
type planCache struct {
	mu  sync.Mutex
	all map[string]cachedPlan // by key
}

// cachedPlan is a plan and what it is for.
type cachedPlan struct {
	spec  rollout.Spec
	hosts []inventory.Host
	plan  rollout.Plan
	made  time.Time
}

// Bounds of what is kept: a plan is as large as its fleet.
const (
	maxPlans = 20
	planTTL  = time.Hour
)

// put keeps a plan, and forgets the old ones. The key is that of whoever asked: others
// may plan the same, and want it done in another way.
func (p *planCache) put(m cachedPlan) (key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[string]cachedPlan{}
	}
	m.made = time.Now()
	key = rand.Text()
	p.all[key] = m
	for len(p.all) > maxPlans {
		p.forgetOldest()
	}
	return key
}

func (p *planCache) forgetOldest() {
	oldest := ""
	for key, m := range p.all {
		if oldest == "" || m.made.Before(p.all[oldest].made) {
			oldest = key
		}
	}
	delete(p.all, oldest)
}

// take returns a plan, once.
func (p *planCache) take(key string) (cachedPlan, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, ok := p.all[key]
	delete(p.all, key)
	if !ok || time.Since(m.made) > planTTL {
		return m, &server.Problem{Status: http.StatusConflict, Key: "plan", Detail: "this plan is not known any more: plan again"}
	}
	return m, nil
}
