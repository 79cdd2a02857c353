package hostjob_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// archives are the packages that are kept on the host.
func (h *host) archives() string {
	h.t.Helper()
	paths, err := filepath.Glob(h.root + "/var/lib/aptfleet/archives/*")
	h.must(err)
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return strings.Join(paths, " ")
}

// TestPrefetch fetches an upgrade of app and the removal of tool.
func TestPrefetch(t *testing.T) {
	t.Parallel()
	changes := []hostjob.Change{{Name: "app", Old: "1.0", New: "1:2.0"}, {Name: "tool", Old: "1.0"}}
	for _, tt := range []struct {
		name    string
		prepare func(h *host)
		verdict hostjob.Verdict
		missing []string
		kept    string
		note    string
	}{
		{name: "all there", verdict: hostjob.Done, kept: "app_1%3a2.0_all.deb app_1.0_all.deb tool_1.0_all.deb"},
		{
			name: "old versions gone", prepare: func(h *host) { h.withdraw("app_1.0_all.deb", "tool_1.0_all.deb") },
			verdict: hostjob.Done, missing: []string{"app=1.0", "tool=1.0"}, kept: "app_1%3a2.0_all.deb", note: "cannot be had any more",
		},
		{
			name: "old versions gone, and still in apt's cache", prepare: func(h *host) {
				h.exec("cp", h.dir+"/app_1.0_all.deb", h.dir+"/tool_1.0_all.deb", h.root+"/var/cache/apt/archives/")
				h.withdraw("app_1.0_all.deb", "tool_1.0_all.deb")
			},
			verdict: hostjob.Done, kept: "app_1%3a2.0_all.deb app_1.0_all.deb tool_1.0_all.deb",
		},
		{
			name: "new version gone", prepare: func(h *host) { h.withdraw("app_1%3a2.0_all.deb") },
			verdict: hostjob.Broken, kept: "app_1.0_all.deb tool_1.0_all.deb", note: "could not be fetched: app=1:2.0",
		},
		{
			name: "repository down", prepare: func(h *host) { h.down.Store(true) },
			verdict: hostjob.Broken, missing: []string{"app=1.0", "tool=1.0"}, note: "could not be fetched: app=1:2.0",
		},
		{
			name: "an archive from long ago", prepare: func(h *host) {
				old := h.root + "/var/lib/aptfleet/archives/lib_1.0_all.deb"
				h.must(os.MkdirAll(filepath.Dir(old), 0o755))
				h.must(os.WriteFile(old, nil, 0o644))
				long := time.Now().AddDate(0, 0, -32)
				h.must(os.Chtimes(old, long, long))
			},
			verdict: hostjob.Done, kept: "app_1%3a2.0_all.deb app_1.0_all.deb tool_1.0_all.deb",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.publish(pkg{name: "app", version: "1.0"}, pkg{name: "tool", version: "1.0"})
			h.must(os.Rename(h.publishEpoch("app")))
			h.publish()
			h.installed("app=1.0", "tool")
			h.exec("apt-get", "clean")
			if tt.prepare != nil {
				tt.prepare(h)
			}
			before := h.all()
			o := h.run(hostjob.Spec{Mode: hostjob.Prefetch, Changes: changes})
			if o.Verdict != tt.verdict || !slices.Equal(o.Missing, tt.missing) || h.archives() != tt.kept || h.all() != before {
				t.Errorf("the job is %+v, kept is %q, want %s, missing %q, kept %q", o, h.archives(), tt.verdict, tt.missing, tt.kept)
			}
			if notes := strings.Join(o.Notes, "; "); !strings.Contains(notes, tt.note) || (tt.note == "") != (notes == "") {
				t.Errorf("its notes are %q, want %q", notes, tt.note)
			}
			if t.Failed() {
				t.Log(h.log(""))
			}
		})
	}
}

// publishEpoch builds version 1:2.0 of a package, and returns how dpkg-deb's
// name of it becomes that of a repository.
func (h *host) publishEpoch(name string) (from, to string) {
	from = h.build(pkg{name: name, version: "1:2.0", control: "Breaks: tool\n"})
	return from, strings.Replace(from, "1:2.0", "1%3a2.0", 1)
}

func TestValidateChanges(t *testing.T) {
	good := []hostjob.Change{{Name: "app", Old: "1.0", New: "2.0"}}
	for _, tt := range []struct {
		name string
		spec hostjob.Spec
		err  string
	}{
		{"good", hostjob.Spec{Mode: hostjob.Exact, Changes: good, Manual: []string{"app"}}, ""},
		{"another mode", hostjob.Spec{Mode: hostjob.Install, Changes: good, Packages: targets("app")}, "takes packages"},
		{"nothing", hostjob.Spec{Mode: hostjob.Exact}, "takes changes"},
		{"packages too", hostjob.Spec{Mode: hostjob.Prefetch, Changes: good, Packages: targets("app")}, "takes changes"},
		{"no version", hostjob.Spec{Mode: hostjob.Exact, Changes: []hostjob.Change{{Name: "app"}}}, "no version"},
		{"twice", hostjob.Spec{Mode: hostjob.Exact, Changes: append(good, good...)}, "twice"},
		{"name", hostjob.Spec{Mode: hostjob.Exact, Changes: []hostjob.Change{{Name: "-o", New: "1"}}}, "-o"},
		{"version", hostjob.Spec{Mode: hostjob.Exact, Changes: []hostjob.Change{{Name: "app", New: "1 2"}}}, "app"},
		{"manual", hostjob.Spec{Mode: hostjob.Exact, Changes: good, Manual: []string{"a b"}}, "a b"},
	} {
		tt.spec.ID, tt.spec.Owner = "job", "test"
		if err := tt.spec.Validate(); (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: Validate returned %v, want %q", tt.name, err, tt.err)
		}
	}
}
