package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/packaging/deb"
)

// service is aptfleet as its package has it: on a booted host, under systemd, as a user
// of its own.
type service struct {
	*fleet
	host lab.Host
}

// TestService installs our package on a booted host and sets it up as the README says.
// The service is there once it is ready; the unit's sandbox lets it roll out to another
// host; it reads its configuration again; one that hangs is ended by the watchdog and
// one that is killed is started again, with all that it knew; and it ends as it should.
func TestService(t *testing.T) {
	t.Parallel()
	f := newFleet(t, lab.Options{Count: 2})
	if f.lab.Kind() != lab.Booted {
		t.Skip("a service needs systemd: " + f.lab.Reason())
	}
	s := &service{f, f.host(1)}
	s.install()
	s.exec(s.host, "systemctl", "enable", "--now", "aptfleet")
	s.is("active", "running")
	if got := s.exec(s.host, "systemctl", "show", "--value", "--property=Type,WatchdogUSec", "aptfleet"); got != "notify\n20s\n" {
		t.Errorf("the service has the type and watchdog %q", got)
	}
	s.rollsOut()

	s.exec(s.host, "sh", "-c", "echo 'nme = 3' >>/etc/aptfleet/aptfleet.toml && systemctl reload aptfleet")
	s.says("the configuration stays as it was")
	s.exec(s.host, "sh", "-c", "sed -i '/^nme/d' /etc/aptfleet/aptfleet.toml && systemctl reload aptfleet")
	s.says("the configuration was read again")
	s.is("active", "running")

	s.restarted("watchdog", "--signal=STOP")
	s.says("Watchdog timeout")
	s.restarted("signal", "--signal=KILL")
	s.knows()

	s.exec(s.host, "systemctl", "stop", "aptfleet")
	s.is("inactive", "dead")
	if got := s.exec(s.host, "systemctl", "show", "--value", "--property=Result", "aptfleet"); got != "success\n" {
		t.Errorf("asked to end, the service ended with %q", got)
	}
}

// install installs our package and configures it, as the README says.
func (s *service) install() {
	s.t.Helper()
	s.t.Logf("the controller is %s", s.host.Name())
	text, err := os.ReadFile(s.buildSelf())
	s.must(err)
	s.put(s.host, "/root/aptfleet.deb", string(text))
	s.exec(s.host, "dpkg", "-i", "/root/aptfleet.deb")
	url := fmt.Sprintf("http://%s:8071", s.host.Address())
	s.exec(s.host, "aptfleet", "init", "--dir", "/etc/aptfleet", "--url", url, "--origin", "Story")
	s.exec(s.host, "mkdir", "/var/lib/aptfleet/.ssh")
	for name, path := range map[string]string{"id_ed25519": s.lab.Identity(), "known_hosts": s.lab.KnownHosts()} {
		text, err := os.ReadFile(path)
		s.must(err)
		s.put(s.host, "/var/lib/aptfleet/.ssh/"+name, string(text))
	}
	h := s.lab.Hosts()[1]
	s.put(s.host, "/etc/aptfleet/inventory.toml", fmt.Sprintf("[defaults]\nuser = %q\n[groups.%s]\nhosts = [%q]\n[hosts.%q]\naddress = %q\nport = %d\n",
		s.lab.User(), group, h.Name(), h.Name(), h.Address(), h.Port()))
	s.exec(s.host, "sh", "-c", `printf '[server]\nrepository = ":8071"\n' >>/etc/aptfleet/aptfleet.toml
		chmod 0600 /var/lib/aptfleet/.ssh/id_ed25519 && chown -R aptfleet: /etc/aptfleet /var/lib/aptfleet/.ssh`)
	// A minute is long for a story.
	s.put(s.host, "/etc/systemd/system/aptfleet.service.d/story.conf", "[Service]\nWatchdogSec=20\n")
	s.exec(s.host, "systemctl", "daemon-reload")
}

// buildSelf builds the program and its package as "make deb" does, without manual pages
// and completions.
func (s *service) buildSelf() string {
	s.t.Helper()
	dir := s.t.TempDir()
	program := filepath.Join(dir, "aptfleet")
	build := exec.CommandContext(s.t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, module+"controller/cmd/aptfleet")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	r, err := deb.LoadRecipe("../packaging/self/aptfleet.toml")
	s.must(err)
	r.Compression = deb.Gzip // the quickest
	r.Files = slices.DeleteFunc(r.Files, func(f deb.File) bool {
		return filepath.Base(filepath.Dir(f.Src)) == "man" || filepath.Base(filepath.Dir(f.Src)) == "completions"
	})
	r.Files[0].Src = program
	path, err := r.Build(s.t.Context(), dir)
	s.must(err)
	return path
}

// is wants the service to be in a state.
func (s *service) is(active, sub string) {
	s.t.Helper()
	if got := s.exec(s.host, "systemctl", "show", "--value", "--property=ActiveState,SubState", "aptfleet"); got != active+"\n"+sub+"\n" {
		s.t.Fatalf("the service is %q, want %s, %s: %s", got, active, sub, s.journal())
	}
}

func (s *service) journal() string {
	s.t.Helper()
	return s.exec(s.host, "journalctl", "--no-pager", "--output=cat", "--unit=aptfleet")
}

// says waits until the service's journal has some words.
func (s *service) says(words string) {
	s.t.Helper()
	until(s.t, "the service's journal says "+words, func() bool { return strings.Contains(s.journal(), words) })
}

// rollsOut publishes a package through the service, which serves it to another host.
func (s *service) rollsOut() {
	s.t.Helper()
	text, err := os.ReadFile(s.build(shop{version: "1.0"}))
	s.must(err)
	s.put(s.host, "/root/shop.deb", string(text))
	s.exec(s.host, "aptfleet", "publish", "--suite", "stable", "/root/shop.deb")
	s.exec(s.host, "aptfleet", "enroll", group, "--yes")
	s.exec(s.host, "aptfleet", "rollout", "shop", "--to", group, "--yes")
	if got := s.version(s.lab.Hosts()[1], "shop"); got != "1.0" {
		s.t.Errorf("the other host has shop %q", got)
	}
	s.knows()
}

// knows wants the service to know of the rollout, and who asked for it. Root is
// answered by it: the state folder is in its hands.
func (s *service) knows() {
	s.t.Helper()
	if got := s.exec(s.host, "aptfleet", "--json", "status", "R1"); !strings.Contains(got, `"phase":"finished"`) || !strings.Contains(got, `"who":"root`) {
		s.t.Errorf("the rollout is %s", got)
	}
}

// restarted has a signal reach the service, and waits until systemd has found that it
// ended in that way and another process is ready.
func (s *service) restarted(result, signal string) {
	s.t.Helper()
	seen := func() (state, pid string) { // at one moment
		shown := s.exec(s.host, "systemctl", "show", "--property=MainPID,ActiveState,SubState", "aptfleet")
		m := regexp.MustCompile(`^MainPID=(\d+)\n(?s:(.*))$`).FindStringSubmatch(shown)
		if m == nil {
			s.t.Fatalf("the service is %q", shown)
		}
		return m[2], m[1]
	}
	_, old := seen()
	s.exec(s.host, "systemctl", "kill", "--kill-whom=main", signal, "aptfleet")
	until(s.t, "the service is another process after "+result, func() bool {
		state, pid := seen()
		return state == "ActiveState=active\nSubState=running\n" && pid != old
	})
	if said := s.exec(s.host, "journalctl", "--no-pager", "--output=cat", "_PID=1", "--unit=aptfleet"); !strings.Contains(said, "Failed with result '"+result+"'") {
		s.t.Errorf("systemd does not say that it ended by %s: %s", result, said)
	}
}
