package cli

import (
	"testing"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// TestPlansOfTwo: two people plan the same, and do not want it done in the same way.
// Each approves what he asked for.
func TestPlansOfTwo(t *testing.T) {
	var p planCache
	plan := rollout.NewPlan([]rollout.HostPlan{{Host: "web1", Changes: []rollout.Change{{Package: "shop", New: "1"}}}})
	careful := p.put(cachedPlan{spec: rollout.Spec{Who: "ada", Policy: rollout.Policy{Batches: []rollout.Amount{rollout.Hosts(1)}}}, plan: plan})
	quick := p.put(cachedPlan{spec: rollout.Spec{Who: "bob"}, plan: plan})
	for who, key := range map[string]string{"ada": careful, "bob": quick} {
		if m, err := p.take(key); err != nil || m.spec.Who != who {
			t.Errorf("%s approves what %q asked for, and gets %v", who, m.spec.Who, err)
		}
		if _, err := p.take(key); err == nil {
			t.Errorf("the plan of %s can be carried out twice", who)
		}
	}
}
