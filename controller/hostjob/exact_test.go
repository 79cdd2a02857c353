package hostjob_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// exact returns the job that carries out what was planned.
func (h *host) exact(id string, p hostjob.Plan) hostjob.Spec {
	return h.spec(hostjob.Spec{ID: id, Mode: hostjob.Exact, Changes: p.Changes, Manual: []string{"app"},
		Refresh: hostjob.RefreshNone, AllowDowngrades: true, AllowHeld: len(p.Held) > 0})
}

// back returns the job that takes another one back.
func (h *host) back(id string, o hostjob.Outcome) hostjob.Spec {
	return h.spec(hostjob.Spec{ID: id, Mode: hostjob.Exact, Changes: o.Reverse(), AnyOld: true,
		Refresh: hostjob.RefreshNone, AllowDowngrades: true, AllowHeld: true})
}

// marks are the packages that are there for others' sake.
func (h *host) marks() string {
	return strings.Join(strings.Fields(h.exec("apt-mark", "showauto")), " ")
}

// all is what is installed.
func (h *host) all() string {
	var list []string
	for _, line := range strings.Split(h.exec("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Package}=${Version}\n"), "\n") {
		if status, name, _ := strings.Cut(line, " "); status == "ii" || status == "hi" {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestExact plans, lets something happen, and carries the plan out.
func TestExact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		prepare func(h *host)
		spec    hostjob.Spec // of the plan; app alone if it names nothing
		happen  func(h *host)
		want    string // what is installed after it
		marks   string
		held    string
		drift   string
	}{
		{
			name: "as planned", prepare: func(h *host) { h.installed("app=1.0", "tool") },
			want: "app=2.0 lib=2.0", marks: "lib",
		},
		{
			name: "newer versions are uploaded", prepare: func(h *host) { h.installed("app=1.0") },
			happen: func(h *host) {
				h.publish(pkg{name: "app", version: "3.0"}, pkg{name: "lib", version: "3.0"})
				h.exec("apt-get", "-q", "update")
			},
			want: "app=2.0 lib=2.0", marks: "lib",
		},
		{
			name: "downgrade", prepare: func(h *host) { h.installed("app=2.0") }, spec: hostjob.Spec{Packages: targets("app=1.0")},
			want: "app=1.0 lib=2.0", marks: "lib",
		},
		{
			name: "on hold", prepare: func(h *host) { h.installed("app=1.0"); h.hold("app") },
			want: "app=2.0 lib=2.0", marks: "lib", held: "app",
		},
		{
			name: "on hold, beside a longer name", prepare: func(h *host) {
				h.publish(pkg{name: "app-data", version: "1.0"})
				h.installed("app=1.0", "app-data")
				h.hold("app")
			},
			want: "app-data=1.0 app=2.0 lib=2.0", marks: "lib", held: "app",
		},
		{
			name: "marks of others stay", prepare: func(h *host) { h.installed("app=1.0", "lib=1.0"); h.exec("apt-mark", "auto", "lib", "app") },
			want: "app=2.0 lib=2.0", marks: "lib",
		},
		{
			name: "done by somebody else", prepare: func(h *host) { h.installed("app=1.0") },
			happen: func(h *host) { h.exec("apt-get", "-q", "-y", "install", "app=2.0") },
			want:   "app=2.0 lib=2.0", marks: "lib",
		},
		{
			name: "the host changed", prepare: func(h *host) { h.installed("app=1.0") },
			happen: func(h *host) {
				h.exec("dpkg", "-i", newRepository(h.t).build(pkg{name: "app", version: "1.5"}))
			},
			want: "app=1.5", drift: "app is 1.5, and was 1.0",
		},
		{
			name: "the package was removed", prepare: func(h *host) { h.installed("app=1.0") },
			happen: func(h *host) { h.exec("dpkg", "--purge", "app") },
			drift:  "app is not installed, and was 1.0",
		},
		{
			name:   "the package was installed",
			happen: func(h *host) { h.exec("apt-get", "-q", "-y", "install", "app=1.0") },
			want:   "app=1.0", drift: "app is 1.0, and was not installed",
		},
		{
			name: "apt would remove another", prepare: func(h *host) { h.installed("app=1.0") },
			happen: func(h *host) { h.exec("apt-get", "-q", "-y", "install", "tool") },
			want:   "app=1.0 tool=1.0", drift: "apt would remove tool",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.shopRelease()
			h.publish(pkg{name: "lib", version: "1.0"})
			if tt.prepare != nil {
				tt.prepare(h)
			}
			if tt.spec.Packages == nil {
				tt.spec.Packages = targets("app")
			}
			p := h.plan(tt.spec)
			if tt.happen != nil {
				tt.happen(h)
			}
			o, err := hostjob.Run(t.Context(), h, h.exact("exact", p), hostjob.Watch{})
			drift, drifted := errors.AsType[*hostjob.DriftError](err)
			switch {
			case tt.drift != "" && (!drifted || !slices.Contains(drift.Differences, tt.drift) || o.Verdict != hostjob.NotStarted):
				t.Errorf("Run returned %+v, %v, want %q", o, err, tt.drift)
			case tt.drift == "" && (err != nil || o.Verdict != hostjob.Done):
				t.Errorf("Run returned %+v, %v", o, err)
			}
			if held := strings.TrimSpace(h.exec("apt-mark", "showhold")); h.all() != tt.want || h.marks() != tt.marks || held != tt.held {
				t.Errorf("the host has %q, of which automatic %q and on hold %q, want %q, %q and %q", h.all(), h.marks(), held, tt.want, tt.marks, tt.held)
			}
			if t.Failed() {
				t.Log(p.Changes, h.log("exact"))
			}
		})
	}
}

// TestThereAndBack carries a plan out and takes it back, with what was fetched
// beforehand and whatever has become of the repository.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		happen func(h *host) // after the prefetch
	}{
		{"repository up", func(*host) {}},
		{"repository down", func(h *host) { h.down.Store(true) }},
		{"new versions gone", func(h *host) { h.withdraw("app_2.0_all.deb", "lib_2.0_all.deb") }},
		{"old versions gone", func(h *host) { h.withdraw("app_1.0_all.deb", "tool_1.0_all.deb") }},
		{"lists lost and repository down", func(h *host) {
			h.down.Store(true)
			lists, err := filepath.Glob(h.root + "/var/lib/apt/lists/*_*")
			h.must(err)
			for _, list := range lists {
				h.must(os.Remove(list))
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.shopRelease()
			h.installed("app=1.0", "tool")
			h.exec("apt-mark", "auto", "tool")
			p := h.plan(hostjob.Spec{Packages: targets("app")})
			if o := h.run(hostjob.Spec{ID: "fetch", Mode: hostjob.Prefetch, Changes: p.Changes}); o.Verdict != hostjob.Done || o.Missing != nil || o.Notes != nil {
				t.Fatalf("the prefetch is %+v\n%s", o, h.log("fetch"))
			}
			h.exec("apt-get", "clean")
			if again := h.plan(hostjob.Spec{Packages: targets("app")}); again.Download != 0 {
				t.Errorf("%d bytes are still to be fetched", again.Download)
			}
			tt.happen(h)
			there, err := hostjob.Run(t.Context(), h, h.exact("there", p), hostjob.Watch{})
			if err != nil || there.Verdict != hostjob.Done || h.all() != "app=2.0 lib=2.0" || !reflect.DeepEqual(there.Auto, []string{"tool"}) {
				t.Fatalf("there: %+v, %v; the host has %q\n%s", there, err, h.all(), h.log("there"))
			}
			back, err := hostjob.Run(t.Context(), h, h.back("back", there), hostjob.Watch{})
			if err != nil || back.Verdict != hostjob.Done || h.all() != "app=1.0 tool=1.0" || h.marks() != "tool" {
				t.Errorf("back: %+v, %v; the host has %q, of which automatic %q\n%s", back, err, h.all(), h.marks(), h.log("back"))
			}
		})
	}
}

// withdraw takes packages out of the repository, and tells the host so.
func (h *host) withdraw(files ...string) {
	h.t.Helper()
	for _, file := range files {
		h.must(os.Remove(filepath.Join(h.dir, file)))
	}
	h.publish()
	h.exec("apt-get", "-q", "update")
}

// TestThereAndBackWithArchitectures has a package that dpkg names by its
// architecture, and apt does not.
func TestThereAndBackWithArchitectures(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for _, version := range []string{"1.0", "2.0"} {
		h.publish(pkg{name: "lib", version: version, arch: arch(t), control: "Multi-Arch: same\n"},
			pkg{name: "app", version: version, control: "Depends: lib (= " + version + ")\n"})
	}
	h.installed("app=1.0", "lib=1.0")
	h.exec("apt-mark", "auto", "lib")
	p := h.plan(hostjob.Spec{Packages: targets("app")})
	if o := h.run(hostjob.Spec{ID: "fetch", Mode: hostjob.Prefetch, Changes: p.Changes}); o.Verdict != hostjob.Done || o.Notes != nil {
		t.Fatalf("the prefetch is %+v\n%s", o, h.log("fetch"))
	}
	h.down.Store(true)
	there, err := hostjob.Run(t.Context(), h, h.exact("there", p), hostjob.Watch{})
	if err != nil || there.Verdict != hostjob.Done || h.all() != "app=2.0 lib=2.0" || h.marks() != "lib" {
		t.Fatalf("there: %+v, %v; the host has %q\n%s", there, err, h.all(), h.log("there"))
	}
	back, err := hostjob.Run(t.Context(), h, h.back("back", there), hostjob.Watch{})
	if err != nil || back.Verdict != hostjob.Done || h.all() != "app=1.0 lib=1.0" || h.marks() != "lib" {
		t.Errorf("back: %+v, %v; the host has %q, of which automatic %q\n%s", back, err, h.all(), h.marks(), h.log("back"))
	}
}
