package cli

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus"
)

// reloading is a daemon that answers nobody, and the files it was configured by.
type reloading struct {
	*service
	t    *testing.T
	dir  string
	good map[string]string // by name
	log  bytes.Buffer
}

const nightlySchedule = `
[[schedule]]
name = "nightly"
cron = "30 2 * * *"
window = "3h"
run = ["rollout", "shop", "--to", "web"]
`

func newReloading(t *testing.T) *reloading {
	t.Helper()
	r := &reloading{t: t, dir: t.TempDir(), good: map[string]string{}}
	if status, _, stderr := run(t, "init", "--dir", r.dir, "--state", filepath.Join(r.dir, "state")); status != exitDone {
		t.Fatalf("init ended with %d: %s", status, stderr)
	}
	config, err := os.ReadFile(filepath.Join(r.dir, "aptfleet.toml"))
	if err != nil {
		t.Fatal(err)
	}
	r.good["aptfleet.toml"] = string(config) + nightlySchedule
	r.good["inventory.toml"] = "[groups.web]\nhosts = [\"web1\"]\n"
	r.write(r.good)
	a := &app{Streams: Streams{In: http.NoBody, Out: io.Discard, Err: io.Discard}, config: filepath.Join(r.dir, "aptfleet.toml")}
	a.log = slog.New(slog.NewTextHandler(&r.log, nil))
	in, err := a.installation()
	if err != nil {
		t.Fatal(err)
	}
	j, err := in.openJournal(t.Context(), bus.Options{State: in.State, Log: a.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	if r.service, err = newService(t.Context(), in, j); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.daemon.leases.Close)
	return r
}

func (r *reloading) write(files map[string]string) {
	r.t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
}

// counts returns what of the configuration counts.
func (r *reloading) counts() string {
	r.t.Helper()
	all, err := r.runner.Statuses(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	var words []string
	for _, s := range all {
		words = append(words, "schedule "+s.Schedule.Name)
	}
	for _, target := range r.notifications.targets {
		words = append(words, "target "+target.Name)
	}
	for _, token := range r.daemon.config.Load().Server.Tokens {
		words = append(words, "token "+token.Name)
	}
	return strings.Join(words, ", ")
}

const another = `
[[notify]]
name = "ops"
command = ["true"]
[[server.tokens]]
name = "mary"
role = "viewer"
hash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
`

// TestReload: of a configuration in which anything is wrong nothing counts, and the log
// says all that is, by file, line and key; once it is mended, all of it counts.
func TestReload(t *testing.T) {
	r := newReloading(t)
	config := r.good["aptfleet.toml"] + another
	change := func(old, to string) string { return strings.Replace(config, "\n"+old, "\n"+to, 1) }
	const inventory = "inventory.toml"
	for _, tt := range []struct {
		name, config, inventory string // "" is the good one
		want                    []string
	}{
		{"an unknown key", config + "nme = 3\n", "", []string{`aptfleet.toml:LAST: server.tokens[0].nme: unknown key (did you mean \"name\"?)`}},
		{"half a line", config + "name = \n", "", []string{"aptfleet.toml:LAST: "}},
		{"two mistakes", strings.Replace(change(`window = "3h"`, `window = "9000h"`), "role = \"viewer\"\n", "", 1), "", []string{
			": schedule[0].window: window must be at most", ": server.tokens[0]: a token has a role"}},
		{"a schedule's words", change(`run = ["rollout", "shop", "--to"`, `run = ["rollout", "shop", "--ot"`), "", []string{": schedule[0].run: unknown flag: --ot"}},
		{"a schedule's hosts", change(`run = ["rollout", "shop", "--to", "web"`, `run = ["rollout", "shop", "--to", "wbe"`), "", []string{`: schedule[0].run[3]: selector \"wbe\", position 1`}},
		{"a schedule's suite", change(`run = ["rollout", "shop",`, `run = ["rollout", "shop", "--suite", "weekly",`), "", []string{`: schedule[0].run[3]: the repository has no suite \"weekly\"`}},
		{"an unknown key of the inventory", config, "[groups.web]\nhosts = [\"web1\"]\nlables = 3\n", []string{inventory + ":3: groups.web.lables: unknown key"}},
		{"half an inventory", config, "[groups.web]\nhosts = [\"web1\"\n", []string{inventory + ":2: "}},
		{"an inventory and words", change(`run = ["rollout", "shop", "--to"`, `run = ["rollout", "shop", "--ot"`), "[groups.web]\nhost = []\n", []string{
			inventory + ":2: groups.web.host: unknown key", ": schedule[0].run: unknown flag"}},
		{"an inventory without the schedule's group", config, "[groups.db]\nhosts = [\"db1\"]\n", []string{`: schedule[0].run[3]: selector \"web\", position 1: there is no group or host`}},
		{"another state folder", change("state", "state = \"/srv\" #"), "", []string{": state: cannot change from "}},
		{"other names of the listener", config + "[bus]\nnames = [\"b\"]\nlisten = \":1\"\n", "", []string{
			`aptfleet.toml:LAST: bus.listen: cannot change from \"\" to \":1\"`, ": bus.names: cannot change"}},
		{"no certificate", config + "[server]\ntls_key = \"b\"\ntls_cert = \"a\"\n", "", []string{": server.tls_cert: cannot use certificate"}},
	} {
		files := map[string]string{"aptfleet.toml": tt.config, inventory: tt.inventory}
		if tt.inventory == "" {
			files[inventory] = r.good[inventory]
		}
		r.write(files)
		r.log.Reset()
		r.reload()
		said := r.log.String()
		for _, want := range tt.want {
			want = strings.ReplaceAll(want, "LAST", strconv.Itoa(strings.Count(tt.config, "\n")))
			if n := strings.Count(said, want); n != 1 || !strings.Contains(said, "the configuration stays as it was") {
				t.Errorf("%s: %q is %d times in\n%s", tt.name, want, n, said)
			}
		}
		if got := r.counts(); got != "schedule nightly" {
			t.Errorf("%s: of a configuration that is wrong %s counts", tt.name, got)
		}
	}
	r.write(map[string]string{"aptfleet.toml": change(`name = "nightly"`, `name = "often"`), inventory: r.good[inventory]})
	r.reload()
	if got := r.counts(); got != "schedule often, target ops, token mary" {
		t.Errorf("once it is mended %s counts: %s", got, r.log.String())
	}
}
