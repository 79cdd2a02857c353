package hostjob_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// plan plans a spec and fails the test if it cannot.
func (h *host) plan(spec hostjob.Spec) hostjob.Plan {
	h.t.Helper()
	p, err := hostjob.MakePlan(h.t.Context(), h, h.spec(spec))
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// shopRelease publishes two releases of an application: the second needs a
// library, and is in the way of a tool.
func (h *host) shopRelease() {
	h.t.Helper()
	h.publish(pkg{name: "app", version: "1.0"}, pkg{name: "tool", version: "1.0"}, pkg{name: "lib", version: "2.0"},
		pkg{name: "app", version: "2.0", control: "Depends: lib (>= 2)\nBreaks: tool\nInstalled-Size: 100\n"})
}

// TestPlan holds plans of real apt against what was published.
func TestPlan(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		prepare        func(h *host)
		spec           hostjob.Spec
		changes        []hostjob.Change
		held           []string
		kept, deferred []hostjob.Change
		note           string
	}{
		{
			name: "nothing installed", spec: hostjob.Spec{Packages: targets("app")},
			changes: []hostjob.Change{{Name: "lib", Architecture: "all", New: "2.0", Auto: true}, {Name: "app", Architecture: "all", New: "2.0"}},
		},
		{
			name: "upgrade and removal", prepare: func(h *host) { h.installed("app=1.0", "tool") },
			spec: hostjob.Spec{Packages: targets("app=2.0")},
			changes: []hostjob.Change{
				{Name: "tool", Architecture: "all", Old: "1.0"},
				{Name: "lib", Architecture: "all", New: "2.0", Auto: true},
				{Name: "app", Architecture: "all", Old: "1.0", New: "2.0"},
			},
		},
		{
			name: "downgrade", prepare: func(h *host) { h.installed("app=2.0") },
			spec:    hostjob.Spec{Packages: targets("app=1.0")},
			changes: []hostjob.Change{{Name: "app", Architecture: "all", Old: "2.0", New: "1.0"}},
		},
		{
			name: "nothing to do", prepare: func(h *host) { h.installed("app=2.0") },
			spec: hostjob.Spec{Packages: targets("app")},
		},
		{
			name: "on hold", prepare: func(h *host) { h.installed("app=1.0"); h.hold("app") },
			spec:    hostjob.Spec{Packages: targets("app")},
			changes: []hostjob.Change{{Name: "lib", Architecture: "all", New: "2.0", Auto: true}, {Name: "app", Architecture: "all", Old: "1.0", New: "2.0"}},
			held:    []string{"app"},
		},
		{
			name: "everything, with one on hold", prepare: func(h *host) { h.installed("app=1.0"); h.hold("app") },
			spec: hostjob.Spec{Mode: hostjob.DistUpgrade, Refresh: hostjob.RefreshAll},
			kept: []hostjob.Change{{Name: "app", Old: "1.0", New: "2.0"}},
		},
		{
			name: "everything, with one not phased for this host yet", prepare: func(h *host) {
				h.installed("tool")
				h.write("etc/apt/apt.conf.d/99phased", "APT::Get::Never-Include-Phased-Updates \"true\";\n") // chance left out
				h.publish(pkg{name: "tool", version: "2.0", control: "Phased-Update-Percentage: 50\n"})
			},
			spec:     hostjob.Spec{Mode: hostjob.DistUpgrade, Refresh: hostjob.RefreshAll},
			deferred: []hostjob.Change{{Name: "tool", Old: "1.0", New: "2.0"}},
		},
		{
			name: "everything, with one not phased for this host yet, and one that is and on hold", prepare: func(h *host) {
				h.installed("tool", "app=1.0")
				h.hold("app")
				h.write("etc/apt/apt.conf.d/99phased", "APT::Get::Never-Include-Phased-Updates \"true\";\n") // chance left out
				h.publish(pkg{name: "tool", version: "2.0", control: "Phased-Update-Percentage: 50\n"},
					pkg{name: "app", version: "3.0", control: "Phased-Update-Percentage: 50\n"})
			},
			spec:     hostjob.Spec{Mode: hostjob.DistUpgrade, Refresh: hostjob.RefreshAll},
			kept:     []hostjob.Change{{Name: "app", Old: "1.0", New: "3.0"}},
			deferred: []hostjob.Change{{Name: "tool", Old: "1.0", New: "2.0"}},
		},
		{
			name: "by name, phased or not", prepare: func(h *host) {
				h.installed("tool")
				h.write("etc/apt/apt.conf.d/99phased", "APT::Get::Never-Include-Phased-Updates \"true\";\n") // chance left out
				h.publish(pkg{name: "tool", version: "2.0", control: "Phased-Update-Percentage: 50\n"})
			},
			spec:    hostjob.Spec{Packages: targets("tool")},
			changes: []hostjob.Change{{Name: "tool", Architecture: "all", Old: "1.0", New: "2.0"}},
		},
		{
			name: "only upgrade keeps marks", prepare: func(h *host) { h.installed("app=1.0"); h.exec("apt-mark", "auto", "app") },
			spec:    hostjob.Spec{Mode: hostjob.OnlyUpgrade, Packages: targets("app", "tool")},
			changes: []hostjob.Change{{Name: "lib", Architecture: "all", New: "2.0", Auto: true}, {Name: "app", Architecture: "all", Old: "1.0", New: "2.0", Auto: true}},
		},
		{
			name: "dependency that only another source has", prepare: otherSource,
			spec:    hostjob.Spec{Packages: targets("needy")},
			changes: []hostjob.Change{{Name: "elsewhere", Architecture: "all", New: "1.0", Auto: true}, {Name: "needy", Architecture: "all", New: "1.0"}},
			note:    "used every source",
		},
		{
			name: "hooks that chat", prepare: func(h *host) {
				h.write("etc/apt/apt.conf.d/99chat", `AptCli::Hooks::Install { "echo Get more with Pro"; };`+"\n")
			},
			spec:    hostjob.Spec{Packages: targets("tool")},
			changes: []hostjob.Change{{Name: "tool", Architecture: "all", New: "1.0"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.shopRelease()
			if tt.prepare != nil {
				tt.prepare(h)
			}
			before := h.exec("dpkg-query", "-W")
			p := h.plan(tt.spec)
			if !reflect.DeepEqual(p.Changes, tt.changes) || !reflect.DeepEqual(p.Held, tt.held) || !reflect.DeepEqual(p.KeptBack, tt.kept) || !reflect.DeepEqual(p.Deferred, tt.deferred) {
				t.Errorf("the plan is %+v,\nwant changes %+v, held %q, kept back %+v, deferred %+v", p, tt.changes, tt.held, tt.kept, tt.deferred)
			}
			if notes := strings.Join(p.Notes, "; "); !strings.Contains(notes, tt.note) || (tt.note == "") != (notes == "") {
				t.Errorf("its notes are %q, want %q", notes, tt.note)
			}
			if after := h.exec("dpkg-query", "-W"); after != before {
				t.Errorf("planning changed\n%s to\n%s", before, after)
			}
			if left, _ := filepath.Glob(h.root + "/var/lib/aptfleet/plan.*"); len(left) > 0 {
				t.Errorf("planning left %q", left)
			}
		})
	}
}

func (h *host) hold(name string) { h.exec("apt-mark", "hold", name) }

// TestPlanKnowsTheHost looks at what a plan says beside its changes.
func TestPlanKnowsTheHost(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.shopRelease()
	h.exec("dpkg", "--unpack", h.build(pkg{name: "sick", version: "1.0", postinst: "exit 1"}))
	h.lock("var/lib/dpkg/lock-frontend")
	p := h.plan(hostjob.Spec{Packages: targets("app=2.0")})
	size := int64(0)
	for _, name := range []string{"app_2.0_all.deb", "lib_2.0_all.deb"} {
		info, err := os.Stat(filepath.Join(h.dir, name))
		h.must(err)
		size += info.Size()
	}
	if p.Download != size || p.Growth < 100<<10 {
		t.Errorf("%d bytes are to be fetched and %d installed, want %d and 100 KiB", p.Download, p.Growth, size)
	}
	p = h.plan(hostjob.Spec{Packages: targets("sick")})
	if len(p.Changes) > 0 || p.Unchanged.Of("sick") != "1.0" {
		t.Errorf("what is there changes by %v and stays as %v", p.Changes, p.Unchanged)
	}
	if p.System.Free == 0 || p.Archives.Free == 0 || p.Shortage() != "" {
		t.Errorf("the disks are %+v and %+v: %s", p.System, p.Archives, p.Shortage())
	}
	if want := (hostjob.Holder{PID: os.Getpid(), Program: "hostjob.test"}); p.Holder != want {
		t.Errorf("the lock is held by %+v, want %+v", p.Holder, want)
	}
	if want := []string{"sick (unpacked)"}; !reflect.DeepEqual(p.Damaged, want) {
		t.Errorf("%q are damaged, want %q", p.Damaged, want)
	}
}

// TestNoPlan has hosts on which apt would not do what is asked.
func TestNoPlan(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		prepare func(h *host)
		spec    hostjob.Spec
		cause   string
	}{
		{
			name: "conflict", spec: hostjob.Spec{Packages: targets("app=2.0", "needsold")},
			prepare: func(h *host) { h.publish(pkg{name: "needsold", version: "1.0", control: "Depends: app (= 1.0)\n"}) },
			cause:   "held broken packages.: needsold : Depends: app (= 1.0) but 2.0 is to be installed",
		},
		{name: "version that does not exist", spec: hostjob.Spec{Packages: targets("app=9")}, cause: "Version '9' for 'app' was not found"},
		{name: "repository that is gone", prepare: func(h *host) { h.down.Store(true) }, spec: hostjob.Spec{Packages: targets("app")}, cause: "Failed to fetch"},
		{name: "host that was not enrolled", prepare: func(h *host) { h.remove("etc/apt/sources.list.d/aptfleet.sources") }, spec: hostjob.Spec{Packages: targets("app")}, cause: "enroll it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.shopRelease()
			if tt.prepare != nil {
				tt.prepare(h)
			}
			p, err := hostjob.MakePlan(t.Context(), h, h.spec(tt.spec))
			if _, is := errors.AsType[*hostjob.PlanError](err); !is || !strings.Contains(err.Error(), tt.cause) || len(p.Changes) > 0 {
				t.Errorf("MakePlan returned %+v and %v, want %q", p, err, tt.cause)
			}
		})
	}
}
