package hostjob_test

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// TestVerdicts runs one job on a host that was prepared, for each way in which
// it can end. What apt and dpkg say is theirs.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		prepare func(h *host)
		spec    hostjob.Spec

		verdict hostjob.Verdict
		after   string // version of app
		cause   string
		note    string // is within one of the notes; "" wants none
		log     string // is within the log
	}{
		{
			name: "exact version", spec: hostjob.Spec{Packages: targets("app=1.0")},
			verdict: hostjob.Done, after: "1.0",
		},
		{
			name: "newest version", spec: hostjob.Spec{Packages: targets("app")},
			verdict: hostjob.Done, after: "2.0",
		},
		{
			name: "downgrade refused", prepare: func(h *host) { h.installed("app=2.0") },
			spec:    hostjob.Spec{Packages: targets("app=1.0")},
			verdict: hostjob.Broken, after: "2.0", note: "app is 2.0, not 1.0",
			cause: "Packages were downgraded and -y was used without --allow-downgrades.",
		},
		{
			name: "downgrade", prepare: func(h *host) { h.installed("app=2.0") },
			spec:    hostjob.Spec{Packages: targets("app=1.0"), AllowDowngrades: true},
			verdict: hostjob.Done, after: "1.0",
		},
		{
			name: "version that does not exist", spec: hostjob.Spec{Packages: targets("app=9.9")},
			verdict: hostjob.Broken, cause: "Version '9.9' for 'app' was not found", note: "app is not installed",
		},
		{
			name: "only-upgrade installs nothing", spec: hostjob.Spec{Mode: hostjob.OnlyUpgrade, Packages: targets("app")},
			verdict: hostjob.Done,
		},
		{
			name: "only-upgrade", prepare: func(h *host) { h.installed("app=1.0") },
			spec:    hostjob.Spec{Mode: hostjob.OnlyUpgrade, Packages: targets("app", "lib")},
			verdict: hostjob.Done, after: "2.0",
		},
		{
			name: "dist-upgrade", prepare: func(h *host) { h.installed("app=1.0") },
			spec:    hostjob.Spec{Mode: hostjob.DistUpgrade, Refresh: hostjob.RefreshAll},
			verdict: hostjob.Done, after: "2.0",
		},
		{
			name: "script that fails",
			prepare: func(h *host) {
				h.publish(pkg{name: "app", version: "3.0", postinst: "echo connecting; echo no database >&2; exit 3"})
			},
			spec:    hostjob.Spec{Packages: targets("app")},
			verdict: hostjob.Broken, after: "3.0", note: "app (half configured)",
			cause: "the post-installation script of app failed with 3: no database",
		},
		{
			name:    "script that fails before anything is unpacked",
			prepare: func(h *host) { h.installed("app=1.0"); h.publish(pkg{name: "app", version: "3.0", preinst: "exit 1"}) },
			spec:    hostjob.Spec{Packages: targets("app=3.0")},
			verdict: hostjob.Broken, after: "1.0", note: "app is 1.0, not 3.0",
			cause: "the pre-installation script of app failed with 1",
		},
		{
			name: "script that asks",
			prepare: func(h *host) {
				h.publish(pkg{name: "app", version: "3.0", postinst: "echo 'Which database?'; read answer || exit 4"})
			},
			spec:    hostjob.Spec{Packages: targets("app")},
			verdict: hostjob.Broken, after: "3.0", note: "app (half configured)",
			cause: "the post-installation script of app failed with 4: Which database?",
		},
		{
			name: "edited conffile kept", prepare: editedConffile,
			spec:    hostjob.Spec{Packages: targets("app=2.0")},
			verdict: hostjob.Done, after: "2.0", log: "Keeping old config file",
		},
		{
			name: "edited conffile replaced", prepare: editedConffile,
			spec:    hostjob.Spec{Packages: targets("app=2.0"), Conffiles: hostjob.NewConffiles},
			verdict: hostjob.Done, after: "2.0", log: "Installing new version of config file",
		},
		{
			name: "somebody else's broken source", prepare: func(h *host) { h.write("etc/apt/sources.list.d/other.list", "this is no source\n") },
			spec:    hostjob.Spec{Packages: targets("app")},
			verdict: hostjob.Done, after: "2.0",
		},
		{
			name: "dependency that only another source has", prepare: otherSource,
			spec:    hostjob.Spec{Packages: targets("needy")},
			verdict: hostjob.Done, note: "used every source",
		},
		{
			name: "package that only another source has", prepare: otherSource,
			spec:    hostjob.Spec{Packages: targets("elsewhere")},
			verdict: hostjob.Done, note: "used every source",
		},
		{
			name: "upgrade that only another source has", prepare: func(h *host) {
				otherSource(h)
				h.exec("dpkg", "-i", h.build(pkg{name: "elsewhere", version: "0.1"}))
				h.unpublish("elsewhere")
			},
			spec:    hostjob.Spec{Mode: hostjob.OnlyUpgrade, Packages: targets("elsewhere")},
			verdict: hostjob.Done, note: "used every source",
		},
		{
			name: "another source that is gone", prepare: func(h *host) {
				h.write("etc/apt/sources.list.d/other.list", "deb [trusted=yes] http://127.0.0.1:9/ ./\n")
			},
			spec:    hostjob.Spec{Packages: targets("app"), Refresh: hostjob.RefreshAll},
			verdict: hostjob.Done, after: "2.0", note: "other sources than ours could not all be refreshed",
		},
		{
			name: "repository that is gone", prepare: func(h *host) { h.down.Store(true) },
			spec:    hostjob.Spec{Packages: targets("app")},
			verdict: hostjob.Broken, cause: "Failed to fetch", note: "app is not installed",
		},
		{
			name: "host that was not enrolled", prepare: func(h *host) { h.remove("etc/apt/sources.list.d/aptfleet.sources") },
			spec:    hostjob.Spec{Packages: targets("app")},
			verdict: hostjob.Broken, cause: "enroll it", note: "app is not installed",
		},
		{
			name: "false failure", prepare: func(h *host) {
				h.exec("dpkg", "--unpack", h.build(pkg{name: "sick", version: "1.0", postinst: "exit 1"}))
			},
			spec:    hostjob.Spec{Packages: targets("app")},
			verdict: hostjob.Done, after: "2.0", note: "apt exited with 100 although all is as asked",
		},
		{
			name: "true failure beside a false one", prepare: func(h *host) {
				h.exec("dpkg", "--unpack", h.build(pkg{name: "sick", version: "1.0", postinst: "exit 1"}))
				h.publish(pkg{name: "app", version: "3.0", postinst: "exit 5"})
			},
			spec:    hostjob.Spec{Packages: targets("app")},
			verdict: hostjob.Broken, after: "3.0", note: "had to repair an interrupted dpkg: sick",
			cause: "the post-installation script of app failed with 5",
		},
		{
			name: "unpacked and never configured", prepare: func(h *host) { h.exec("dpkg", "--unpack", h.dir+"/app_1.0_all.deb") },
			spec:    hostjob.Spec{Packages: targets("app=2.0")},
			verdict: hostjob.Done, after: "2.0", note: "had to repair an interrupted dpkg: app",
		},
		{
			name: "killed while it was unpacked, archive at hand", prepare: func(h *host) {
				h.halfInstalled("lib")
				h.exec("cp", h.dir+"/lib_1.0_all.deb", h.root+"/var/cache/apt/archives/")
			},
			spec:    hostjob.Spec{Packages: targets("app=2.0")},
			verdict: hostjob.Done, after: "2.0", note: "had to repair an interrupted dpkg: lib",
		},
		{
			name: "killed while it was unpacked", prepare: func(h *host) { h.halfInstalled("lib") },
			spec:    hostjob.Spec{Packages: targets("app=2.0")},
			verdict: hostjob.Done, after: "2.0", note: "had to repair an interrupted dpkg: lib",
		},
		{
			name: "target killed while it was unpacked", prepare: func(h *host) { h.halfInstalled("app") },
			spec:    hostjob.Spec{Packages: targets("app=2.0")},
			verdict: hostjob.Done, after: "2.0", note: "had to repair an interrupted dpkg: app",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.publish(pkg{name: "app", version: "1.0", conffile: "one\n"}, pkg{name: "app", version: "2.0", conffile: "two\n"}, pkg{name: "lib", version: "1.0"})
			if tt.prepare != nil {
				tt.prepare(h)
			}
			o := h.run(tt.spec)
			if o.Verdict != tt.verdict || o.After["app"] != tt.after || !strings.Contains(o.Cause.String(), tt.cause) || (tt.cause == "") != (o.Cause.Text == "") {
				t.Errorf("the job is %s with app %q and cause %q, want %s, %q and %q", o.Verdict, o.After["app"], o.Cause, tt.verdict, tt.after, tt.cause)
			}
			if notes := strings.Join(o.Notes, "; "); !strings.Contains(notes, tt.note) || (tt.note == "") != (notes == "") {
				t.Errorf("its notes are %q, want %q", notes, tt.note)
			}
			if !strings.Contains(h.log(""), tt.log) {
				t.Errorf("its log has no %q", tt.log)
			}
			if t.Failed() {
				t.Logf("%+v\n%s", o, h.log(""))
			}
		})
	}
}

func editedConffile(h *host) {
	h.installed("app=1.0")
	h.write("etc/app.conf", "edited\n")
}

// otherSource gives the host a second source, which has what ours has not.
func otherSource(h *host) {
	other := newRepository(h.t)
	other.publish(pkg{name: "elsewhere", version: "1.0"})
	h.publish(pkg{name: "needy", version: "1.0", control: "Depends: elsewhere\n"})
	h.write("etc/apt/sources.list.d/other.list", "deb [trusted=yes] file:"+other.dir+" ./\n")
}
