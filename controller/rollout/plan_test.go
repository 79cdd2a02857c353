package rollout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/inventory"
)

// somePlan reads hosts with what happens on them: "a: x 1 2, y - 1; b: held x".
func somePlan(t *testing.T, text string) []HostPlan {
	t.Helper()
	var hosts []HostPlan
	for line := range strings.SplitSeq(text, ";") {
		name, does, _ := strings.Cut(strings.TrimSpace(line), ":")
		h := HostPlan{Host: inventory.HostName(name)}
		for part := range strings.SplitSeq(does, ",") {
			words := strings.Fields(part)
			switch {
			case len(words) == 0:
			case words[0] == "held":
				h.Held = append(h.Held, words[1])
			case words[0] == "space":
				h.Download, h.Disk, h.Free = int64(atoi(t, words[1])), int64(atoi(t, words[2])), int64(atoi(t, words[3]))
			case words[0] == "trouble":
				h.Trouble = words[1]
			default:
				h.Changes = append(h.Changes, Change{words[0], strings.Trim(words[1], "-"), strings.Trim(words[2], "-")})
			}
		}
		hosts = append(hosts, h)
	}
	return hosts
}

func TestChangeKinds(t *testing.T) {
	for _, tt := range []struct {
		old, new string
		want     ChangeKind
		text     string
	}{
		{"", "1", Addition, "x 1 (new)"},
		{"1", "", Removal, "x 1 (removed)"},
		{"1.9", "1.10", Upgrade, "x 1.9 -> 1.10"},
		{"1.0", "1.0~rc1", Downgrade, "x 1.0 -> 1.0~rc1"},
		{"1:0.1", "2.0", Downgrade, "x 1:0.1 -> 2.0"},
		{"1", "1", Reinstall, "x 1 -> 1"},
		{"1.0", "1.00", Replacement, "x 1.0 -> 1.00"},
	} {
		if c := (Change{"x", tt.old, tt.new}); c.Kind() != tt.want || c.String() != tt.text {
			t.Errorf("%q is a %s, want %s", c, c.Kind(), tt.want)
		}
	}
}

func TestPlanGroups(t *testing.T) {
	for _, tt := range []struct{ name, plan, want string }{
		{"alike", "a: x 1 2; b: x 1 2", "a b: x 1 -> 2"},
		{"the largest first, else as they come", "a: x 1 3; b: ; c: x 1 2; d: x 1 2", "c d: x 1 -> 2 | a: x 1 -> 3 | b: nothing to change"},
		{"by package, whatever apt's order", "a: x 1 2, y - 1; b: y - 1, x 1 2", "a b: x 1 -> 2, y 1 (new)"},
		{"holds tell apart", "a: x 1 2; b: x 1 2, held x", "a: x 1 -> 2 | b: x 1 -> 2"},
		{"so does trouble", "a: trouble no-route; b: trouble no-route; c: ", "a b: no-route | c: nothing to change"},
		{"not the space", "a: x 1 2, space 1 2 9; b: x 1 2, space 2 1 8", "a b: x 1 -> 2"},
	} {
		p := NewPlan(somePlan(t, tt.plan))
		var words []string
		for _, g := range p.Groups {
			words = append(words, strings.Trim(fmt.Sprint(g.Hosts), "[]")+": "+g.Summary())
		}
		if got := strings.Join(words, " | "); got != tt.want || p.Validate() != nil {
			t.Errorf("%s: %s, want %s, and it is said to be %v", tt.name, got, tt.want, p.Validate())
		}
	}
}

func TestPlanSpace(t *testing.T) {
	p := NewPlan(somePlan(t, "a: x 1 2, space 10 5 90; b: x 1 2, space 2 6 0; c: x 1 2, space 3 -4 20; d: x 2 1, space 1 -9 100"))
	download, disk := p.Totals()
	if g := p.Groups[0]; g.Download != 10 || g.Disk != 6 || g.Free != 20 || download != 31 || disk != 9 {
		t.Errorf("the group is %+v, and all take %d and %d", g, download, disk)
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		plan  string
		allow Allowance
		want  string
	}{
		{"a: x 1 2", Allowance{}, ""},
		{"a: x 2 1", Allowance{}, ""},
		{"a: x 1 -; b: x 1 -; c: x 2 -", Allowance{}, "x would be removed on a and 2 more hosts"},
		{"a: x 1 -; b: x 1 -", Allowance{}, "x would be removed on a and 1 more host"},
		{"a: x 1 -, y 1 -", Allowance{Remove: []string{"x"}}, "y would be removed on a"},
		{"a: x 1 2, held x", Allowance{Remove: []string{"x"}}, "x is on hold on a"},
		{"a: x 1 2, held x", Allowance{Held: []string{"x"}}, ""},
		{"a: x 1 -, held x", Allowance{Held: []string{"x"}}, "x would be removed on a"},
	} {
		var words []string
		for _, r := range NewPlan(somePlan(t, tt.plan)).Refusals(tt.allow) {
			words = append(words, r.String())
		}
		if got := strings.Join(words, ", "); got != tt.want {
			t.Errorf("%s is refused because %q, want %q", tt.plan, got, tt.want)
		}
	}
}

func TestPlanValidate(t *testing.T) {
	for _, tt := range []struct{ plan, want string }{
		{"a: x 1 2; b: y - 1", ""},
		{"a: x 1 2; a: y - 1", "a: is planned twice"},
		{"a: x - -", "is none"},
	} {
		err := NewPlan(somePlan(t, tt.plan)).Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Validate returned %v, want %q", tt.plan, err, tt.want)
		}
	}
}

// largePlan has groups of several sizes.
func largePlan(hosts int) Plan {
	plans := make([]HostPlan, hosts)
	for i := range plans {
		plans[i] = HostPlan{Host: inventory.HostName(fmt.Sprintf("web-%05d.example.com", i)), Download: int64(i)}
		for c := range 1 + min(i, i%7) {
			plans[i].Changes = append(plans[i].Changes, Change{fmt.Sprintf("package-%d", c), "1", "2"})
		}
	}
	return NewPlan(plans)
}

// TestFreeze stores a plan in parts of any size and reads it back.
func TestFreeze(t *testing.T) {
	plan := largePlan(100)
	spec := someSpec()
	spec.Planned = true
	for i := range 100 {
		spec.Hosts = append(spec.Hosts, inventory.HostName(fmt.Sprintf("web-%05d.example.com", i)))
	}
	for _, size := range []int{1, 100, 500, 2000, 1 << 20} {
		var s State
		mustApply(t, &s, Event{Kind: KindCreated, Spec: spec})
		parts := plan.parts(size)
		for i := range parts {
			if s.Apply(Event{Kind: KindApproved, Digest: plan.Digest()}) == nil {
				t.Fatalf("a plan of %d parts was approved with %d", len(parts), i)
			}
			mustApply(t, &s, overTheWire(t, Event{Kind: KindPlanned, Plan: &parts[i], Part: i + 1, Parts: len(parts)}))
		}
		for _, refused := range []Event{
			{Kind: KindStep, Host: spec.Hosts[0], Attempt: 1, Step: "apt", Status: Doing},
			{Kind: KindBatchBegun, Batch: 1},
			{Kind: KindApproved, Digest: "another"},
		} {
			if s.Apply(refused) == nil {
				t.Errorf("%q was taken before the plan is approved", refused)
			}
		}
		mustApply(t, &s, Event{Kind: KindApproved, Digest: plan.Digest()})
		got, approved := s.Plan()
		if diff := cmp.Diff(plan, got); diff != "" || !approved {
			t.Errorf("in %d parts it came back, approved: %v, as\n%s", len(parts), approved, diff)
		}
		if s.Apply(Event{Kind: KindPlanned, Plan: &plan, Part: 1, Parts: 1}) == nil {
			t.Error("an approved plan was changed")
		}
	}
	if n := len(plan.parts(1)); n != 100 {
		t.Errorf("the smallest parts are %d, want one a host", n)
	}
	const size = 10_000
	for i, part := range largePlan(5_000).parts(size) {
		data, err := Event{Kind: KindPlanned, Plan: &part}.Encode()
		if err != nil || len(data) > 2*size {
			t.Errorf("part %d has %d bytes, %v", i, len(data), err)
		}
	}
}

// TestPlanAgain: a controller that died between two parts begins again.
func TestPlanAgain(t *testing.T) {
	one, two := NewPlan(somePlan(t, "a: x 1 2; b: y 1 2")), NewPlan(somePlan(t, "a: x 1 3"))
	parts := one.parts(1)
	for _, tt := range []struct {
		events []Event
		good   bool
	}{
		{[]Event{{Plan: &parts[0], Part: 1, Parts: 2}, {Plan: &two, Part: 1, Parts: 1}}, true},
		{[]Event{{Plan: &parts[0], Part: 1, Parts: 2}, {Plan: &parts[0], Part: 2, Parts: 2}}, false},
		{[]Event{{Plan: &parts[0], Part: 1, Parts: 2}, {Plan: &parts[1], Part: 2, Parts: 3}}, false},
		{[]Event{{Plan: &parts[1], Part: 2, Parts: 2}}, false},
		{[]Event{{Part: 1, Parts: 1}}, false},
		{[]Event{{Plan: &Plan{[]Group{{Hosts: []inventory.HostName{"z"}}}}, Part: 1, Parts: 1}}, false},
	} {
		s := play(t, "created")
		for i, e := range tt.events {
			e.Kind = KindPlanned
			if last := i == len(tt.events)-1; (s.Apply(e) == nil) != (tt.good || !last) {
				t.Errorf("%d of %+v: taken or not against what is right", i, tt.events)
			}
		}
		if got, _ := s.Plan(); tt.good && got.Digest() != two.Digest() {
			t.Errorf("the plan is %+v", got)
		}
	}
}

// TestLatePlan: a host that could not be reached is planned when it can be.
func TestLatePlan(t *testing.T) {
	whole := NewPlan(somePlan(t, "a: x 1 2; b: trouble refused"))
	var s State
	mustApply(t, &s, Event{Kind: KindCreated, Spec: someSpec("a", "b", "c")})
	if _, ok := s.PlanOf("a"); ok {
		t.Error("there is a plan before there is one")
	}
	mustApply(t, &s, whole.Events()[0])
	mustApply(t, &s, Event{Kind: KindApproved, Digest: whole.Digest()})
	planned := func() string {
		var words []string
		for _, h := range s.Hosts() {
			if g, ok := s.PlanOf(h.Name); ok {
				words = append(words, string(h.Name)+" "+g.Versions()["x"])
			}
		}
		return strings.Join(words, ", ")
	}
	for _, tt := range []struct {
		late, want string
		refused    bool
	}{
		{"a: x 1 3", "a 2", true},
		{"b: x 1 2; a: x 1 3", "a 2", true},
		{"z: x 1 2", "a 2", true},
		{"b: x - -", "a 2", true},
		{"b: trouble refused-again", "a 2", false},
		{"b: x 1 2", "a 2, b 2", false},
		{"c: x 1 2", "a 2, b 2, c 2", false},
		{"b: x 1 2", "a 2, b 2, c 2", true},
	} {
		err := s.Apply(NewPlan(somePlan(t, tt.late)).Events()[0])
		if got := planned(); (err != nil) != tt.refused || got != tt.want {
			t.Errorf("after %s the plan has %s, want %s: %v", tt.late, got, tt.want, err)
		}
	}
	if p, _ := s.Plan(); len(p.Groups) != 1 {
		t.Errorf("the groups are %+v, want one", p.Groups)
	}
}

func mustApply(t *testing.T, s *State, e Event) {
	t.Helper()
	if err := s.Apply(e); err != nil {
		t.Fatal(err)
	}
}

func overTheWire(t *testing.T, e Event) Event {
	t.Helper()
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if e, err = DecodeEvent(data); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWithout(t *testing.T) {
	plan := NewPlan(somePlan(t, "a: x 1 -; b: x 1 2; c: y 1 2, held y")).Without(Allowance{Held: []string{"y"}})
	for i, want := range []string{"cannot carry out what is planned now: x would be removed, and that was not allowed", "x 1 -> 2", "y 1 -> 2"} {
		if got := plan.Groups[i].Summary(); got != want {
			t.Errorf("group %d is %q, want %q", i, got, want)
		}
	}
}

func TestPin(t *testing.T) {
	plan := NewPlan(somePlan(t, "a: x 1 2, y - 1; b: x - 2; c: y - 2; d: ; e: trouble refused"))
	asked := []Package{{Name: "x"}, {Name: "y"}, {Name: "z"}, {Name: "x", Version: "1"}}
	if got := fmt.Sprint(plan.Pin(asked)); got != "[x=2 y z x=1]" || asked[0].Version != "" {
		t.Errorf("pinned are %s", got)
	}
	if got := plan.Changing(); got != 3 {
		t.Errorf("it changes %d hosts, want 3", got)
	}
}
