package integration

import (
	"regexp"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestGoBack takes an upgrade back that added a library and removed a tool, with
// what was fetched before it, in spite of what became of the repository. All of
// the old set returns.
func TestGoBack(t *testing.T) {
	f := newPlanFleet(t)
	for _, tt := range []struct {
		name   string
		happen func(f *planFleet, name string) // between the prefetch and the installation
	}{
		{"new version gone", func(f *planFleet, name string) { f.withdraw(name+"=2", name+"-lib=2") }},
		{"old version gone", func(f *planFleet, name string) { f.withdraw(name+"=1", name+"-tool=1") }},
		{"repository down", func(f *planFleet, name string) {
			for _, h := range f.lab.Hosts() {
				f.closeRepository(h)
			}
		}},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			f, name := f.with(t), strings.ReplaceAll(tt.name, " ", "-")
			f.publish(shop{name: name, version: "1"}, shop{name: name + "-tool", version: "1"}, shop{name: name + "-lib", version: "2"},
				shop{name: name, version: "2", depends: []string{name + "-lib"}, breaks: []string{name + "-tool"}})
			for _, h := range f.lab.Hosts() {
				f.now(h, name+"=1", name+"-tool")
				f.exec(h, "apt-mark", "auto", name+"-tool")
			}
			spec := ask(name)
			p := f.plan(spec)
			f.shows(p, name+" 1 -> 2, "+name+"-lib 2 (new), "+name+"-tool 1 (removed)")
			f.prefetch(p, spec, name+"-fetch")
			for _, h := range f.lab.Hosts() {
				f.exec(h, "apt-get", "clean")
			}
			tt.happen(f, name)
			f.done(f.install(p, spec, name))
			f.have(name, "2", "2")
			f.have(name+"-tool", "", "")
			f.done(f.undo(p, spec, name))
			f.have(name, "1", "1")
			f.have(name+"-tool", "1", "1")
			f.have(name+"-lib", "", "")
			for _, h := range f.lab.Hosts() {
				if auto := f.exec(h, "apt-mark", "showauto", name, name+"-tool"); strings.TrimSpace(auto) != name+"-tool" {
					f.t.Errorf("%s has %q marked automatic, want %s-tool", h.Name(), auto, name)
				}
			}
		})
	}
}

// withdraw takes versions out of the repository, and has the hosts see it.
func (f *fleet) withdraw(packages ...string) {
	f.t.Helper()
	for _, p := range packages {
		f.do("repo", "rm", "stable", p)
	}
	for _, h := range f.lab.Hosts() {
		f.exec(h, "apt-get", "-qq", "update")
	}
}

var repositoryPort = regexp.MustCompile(`:\d+\n`)

// closeRepository makes a host's source lead to where nobody answers, for good.
func (f *planFleet) closeRepository(h lab.Host) {
	const source = "/etc/apt/sources.list.d/aptfleet.sources"
	f.put(h, source, repositoryPort.ReplaceAllString(f.read(h, source), ":9\n"))
}
