package rollout

import "testing"

// TestRebootIsWork: a host on which the plan changes nothing is idle, unless it
// may have to be restarted.
func TestRebootIsWork(t *testing.T) {
	for reboot, idle := range map[Reboot]bool{"": true, RebootIfRequired: false} {
		spec := someSpec("a")
		spec.Planned, spec.Reboot = true, reboot
		plan := NewPlan([]HostPlan{{Host: "a"}})
		var s State
		for _, e := range append([]Event{{Kind: KindCreated, Term: 1, At: noon, Spec: spec}}, append(plan.Events(), Event{Kind: KindApproved, Digest: plan.Digest()})...) {
			e.Term = 1
			if err := s.Apply(e); err != nil {
				t.Fatal(err)
			}
		}
		if h, _ := s.Host("a"); h.Idle() != idle {
			t.Errorf("reboot %q: idle is %v, want %v", reboot, h.Idle(), idle)
		}
	}
	spec := someSpec("a")
	spec.Reboot = "always"
	if err := spec.Validate(); err == nil || err.Error() != `unknown way to reboot "always": want if-required` {
		t.Errorf("Validate returned %v", err)
	}
}
