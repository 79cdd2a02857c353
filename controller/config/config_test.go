package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/aptfleet/aptfleet/controller/access"
	"github.com/aptfleet/aptfleet/controller/notify"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		want      Config
	}{
		{"nothing said", "", Config{
			Path: "/etc/x/aptfleet.toml", Inventory: "/etc/x/inventory.toml", State: "/var/lib/aptfleet",
			Repository: Repository{Root: "/var/lib/aptfleet/repository", Origin: "aptfleet", Label: "aptfleet",
				Suites: []string{"stable"}, Keep: 10, Key: "/etc/x/signing-key.asc"},
			Rollout: Rollout{Parallel: 128, Settle: 30 * time.Second, Deadline: 5 * time.Minute, Reattach: 10 * time.Minute, Silence: 15 * time.Minute, KeepEvents: 90 * 24 * time.Hour},
		}},
		{"everything said", `
inventory = "hosts/prod.toml"
state = "state"
[repository]
root = "/srv/apt"
url = "http://[::1]:8071/apt/"
origin = "Shop Ltd"
label = "Shop"
suites = ["nightly", "stable"]
keep = 3
key = "../key"
[rollout]
parallel = 7
reattach = "1m"
silence = "1h"
keep_events = "48h"
[server]
listen = ":8070"
repository = "[::]:8071"
tls_cert = "crt"
tls_key = "key"
[[server.tokens]]
name = "ci"
role = "operator"
hash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
expires = "2027-01-31"
[[notify]]
name = "chat"
on = ["stuck"]
[notify.webhook]
url_env = "CHAT"
secret_file = "secret"
[[notify]]
name = "mail"
[notify.mail]
server = "smtp:25"
encryption = "none"
from = "a@b.c"
to = ["d@e.f"]
[[notify]]
name = "pager"
command = ["page", "ops"]
`, Config{
			Path: "/etc/x/aptfleet.toml", Inventory: "/etc/x/hosts/prod.toml", State: "/etc/x/state",
			Repository: Repository{Root: "/srv/apt", URL: "http://[::1]:8071/apt", Origin: "Shop Ltd", Label: "Shop",
				Suites: []string{"nightly", "stable"}, Keep: 3, Key: "/etc/key"},
			Rollout: Rollout{Parallel: 7, Settle: 30 * time.Second, Deadline: 5 * time.Minute, Reattach: time.Minute, Silence: time.Hour, KeepEvents: 48 * time.Hour},
			Server: Server{Listen: ":8070", Repository: "[::]:8071", TLSCert: "/etc/x/crt", TLSKey: "/etc/x/key", Tokens: access.Tokens{
				{Name: "ci", Role: access.Operator, Hash: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)},
			}},
			Notify: []notify.Target{
				{Name: "chat", On: []notify.On{notify.Stuck}, Webhook: &notify.Webhook{URLFrom: notify.Secret{Env: "CHAT"}, Secret: notify.Secret{File: "/etc/x/secret"}}},
				{Name: "mail", Mail: &notify.Mail{Server: "smtp:25", Encryption: notify.Plain, From: "a@b.c", To: []string{"d@e.f"}}},
				{Name: "pager", Command: notify.Command{"page", "ops"}},
			},
		}},
	} {
		got, err := Parse("/etc/x/aptfleet.toml", []byte(tt.src))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if diff := cmp.Diff(tt.want, *got, cmp.AllowUnexported(rollout.Amount{}), cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

const someHash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"inventroy = \"x\"", `c.toml:1: inventroy: unknown key (did you mean "inventory"?)`},
		{"inventory = \"\"", "c.toml:1: inventory: is empty"},
		{"state = \"\"", "c.toml:1: state: is empty"},
		{"[rollout]\nparalel = 3", `c.toml:2: rollout.paralel: unknown key (did you mean "parallel"?)`},
		{"[rollout]\nparallel = 0", "c.toml:2: rollout.parallel: cannot work on 0 hosts"},
		{"[rollout]\nparallel = 5\nbatches = [\"0\"]", `c.toml:3: rollout.batches: batch size "0" is no host at all`},
		{"[rollout]\nparallel = 5\non_failure = \"explode\"", `c.toml:3: rollout.on_failure: unknown on_failure "explode"`},
		{"[rollout]\nparallel = 5\nsettle = \"10m\"", "c.toml:3: rollout.settle: no host can be healthy for 10m0s within 5m0s"},
		{"[rollout]\nparallel = 5\ndeadline = \"10s\"", "c.toml:3: rollout.deadline: no host can be healthy for 30s within 10s"},
		{"[rollout]\nreattach = \"0s\"", "c.toml:2: rollout.reattach: 0s is less than a second"},
		{"[rollout]\nkeep_events = \"23h\"", "c.toml:2: rollout.keep_events: 23h0m0s is less than a day"},
		{"[rollout]\nsilence = \"5ms\"", "c.toml:2: rollout.silence: 5ms is less than a second"},
		{"[rollout]\nparallel = \"all\"", "c.toml:2: rollout.parallel: must be an integer, is a string"},
		{"[repository]\nroot = \"s3://bucket/x\"", `c.toml:2: repository.root: "s3://bucket/x" is an address`},
		{"[repository]\nurl = \"deploy:8071\"", `c.toml:2: repository.url: "deploy:8071" is no address such as`},
		{"[repository]\nurl = \"http://\"", `c.toml:2: repository.url: "http://" is no address such as`},
		{"[repository]\nurl = \"http://ada:secret@x\"", `c.toml:2: repository.url: "http://ada:xxxxx@x" has more than`},
		{"[repository]\nurl = \"http://x/?a\"", `c.toml:2: repository.url: "http://x/?a" has more than`},
		{"[repository]\norigin = \"a\\nSuite: b\"", `c.toml:2: repository.origin: "a\nSuite: b" is empty, has blanks`},
		{"[repository]\nlabel = \" a\"", `c.toml:2: repository.label: " a" is empty, has blanks`},
		{"[repository]\nsuites = []", "c.toml:2: repository.suites: a repository has at least one suite"},
		{"[repository]\nsuites = [\"a\",\n\"a\"]", `c.toml:3: repository.suites[1]: the suite "a" is there twice`},
		{"[repository]\nsuites = [\"../a\"]", `c.toml:2: repository.suites[0]: the suite's name "../a" is empty, starts`},
		{"[repository]\nsuites = [\"a/b\"]", `c.toml:2: repository.suites[0]: the suite's name "a/b" is empty, starts`},
		{"[repository]\nkeep = 0", "c.toml:2: repository.keep: 0 versions is less than one"},
		{"[repository]\nkey = \"\"", "c.toml:2: repository.key: is empty"},
		{"state = ", "c.toml:1: "},
		{"[server]\nlisten = \"8070\"", `c.toml:2: server.listen: "8070" is no address to listen on`},
		{"[server]\nlisten = \":8070\"", `c.toml:2: server.listen: ":8070" can be reached from other machines: that takes tls_cert`},
		{"[server]\nlisten = \"10.0.0.1:8070\"\ntls_cert = \"c\"\ntls_key = \"k\"", `c.toml:2: server.listen: "10.0.0.1:8070" can be reached`},
		{"[server]\ntls_cert = \"c\"", "c.toml:1: server: tls_cert and tls_key belong together"},
		{"[server]\nrepository = \":\"", `c.toml:2: server.repository: ":" is no address`},
		{"[[server.tokens]]\nname = \"ci\"\nrole = \"root\"", `c.toml:3: server.tokens[0].role: "root" is no role: want viewer`},
		{"[[server.tokens]]\nname = \"ci\"\nrole = \"admin\"\nhash = \"aptfleet_x\"", `c.toml:4: server.tokens[0].hash: is no hash such as`},
		{"[[server.tokens]]\nname = \"ci\"\nrole = \"admin\"", `c.toml:1: server.tokens[0]: a token has a hash of its own`},
		{"[[server.tokens]]\nname = \"c i\"\nrole = \"admin\"", `c.toml:2: server.tokens[0].name: the name "c i" is empty, long`},
		{"[[server.tokens]]\nname = \"ci\"\nrole = \"admin\"\nhash = \"" + someHash + "\"\n[[server.tokens]]\nname = \"ci\"\nrole = \"viewer\"\nhash = \"sha256:1" + someHash[8:] + "\"",
			`c.toml:6: server.tokens[1].name: the name "ci" is there twice`},
		{"[[server.tokens]]\nname = \"ci\"\nrole = \"admin\"\nhash = \"" + someHash + "\"\n[[server.tokens]]\nname = \"me\"\nrole = \"viewer\"\nhash = \"" + someHash + "\"",
			`c.toml:5: server.tokens[1]: a token has a hash of its own`},
		{"[[server.tokens]]\nexpires = \"tomorrow\"", `c.toml:2: server.tokens[0].expires: "tomorrow" is no date such as`},
		{"[[notify]]\nname = \"ops\"", "c.toml:1: notify[0]: it has one of webhook, mail and command"},
		{"[[notify]]\nname = \"ops\"\non = [\"all\"]", `c.toml:3: notify[0].on[0]: "all" is nothing to be told of`},
		{"[[notify]]\nname = \"ops\"\n[notify.webhook]\nurl = \"ftp://secret\"", "c.toml:1: notify[0]: the webhook's address does not begin"},
	} {
		_, err := Parse("c.toml", []byte(tt.src))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s\ngot  %v\nwant %s", tt.src, err, tt.want)
		}
	}
}

func TestLoad(t *testing.T) {
	_, err := Load("/nonexistent/c.toml")
	if want := "cannot read configuration: open /nonexistent/c.toml: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestFind(t *testing.T) {
	if _, err := os.Stat(SystemFile); err == nil {
		t.Skipf("%s is on this machine", SystemFile)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if got, err := Find("some/where.toml"); err != nil || got != "some/where.toml" {
		t.Errorf("Find of what was asked for: %s, %v", got, err)
	}
	if _, err := Find(""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Find where there is none: %v", err)
	}
	if err := os.WriteFile(FileName, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(""); err != nil || got != filepath.Join(dir, FileName) {
		t.Errorf("Find here: %s, %v", got, err)
	}
}

func starter(t testing.TB, c Choices) (config, inventory []byte) {
	t.Helper()
	config, inventory, err := Starter(c)
	if err != nil {
		t.Fatal(err)
	}
	return config, inventory
}

func TestStarterWithChoices(t *testing.T) {
	text, _ := starter(t, Choices{State: "/srv/fleet", URL: "https://apt.example.org/fleet", Origin: `The "Shop"`})
	c, err := Parse("/etc/x.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.State, c.Repository.Root, c.Repository.URL, c.Repository.Origin}
	want := []string{"/srv/fleet", "/srv/fleet/repository", "https://apt.example.org/fleet", `The "Shop"`}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(rollout.Amount{})); diff != "" {
		t.Error(diff)
	}
	if _, _, err := Starter(Choices{URL: "ftp://x"}); err == nil {
		t.Error("an address that can't be meant was taken")
	}
}

// TestStarter reads what init writes, as it is and with every example in it
// brought to life.
func TestStarter(t *testing.T) {
	asIs, hosts := starter(t, Choices{})
	settings := regexp.MustCompile(`(?m)^#([a-z_]+ *=|\[)`)
	for _, src := range [][]byte{asIs, settings.ReplaceAll(asIs, []byte("$1"))} {
		if _, err := Parse(FileName, src); err != nil {
			t.Error(err)
		}
	}
	alive := settings.ReplaceAll(hosts, []byte("$1"))
	for src, want := range map[string]int{string(hosts): 2, string(alive): 4} {
		inv, err := inventory.Parse("inventory.toml", []byte(src))
		if err != nil {
			t.Error(err)
		} else if got := len(inv.Hosts()); got != want {
			t.Errorf("%d hosts, want %d", got, want)
		}
	}
	if string(alive) == string(hosts) {
		t.Error("the inventory has no example")
	}
}

// TestStarterShowsDefaults holds that what is commented out is what holds.
func TestStarterShowsDefaults(t *testing.T) {
	asIs, _ := starter(t, Choices{})
	alive := regexp.MustCompile(`(?m)^#([a-z_]+ *=)`).ReplaceAll(asIs, []byte("$1"))
	want, err := Parse(FileName, asIs)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(FileName, alive)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(rollout.Amount{}), cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	asIs, _ := starter(f, Choices{})
	f.Add(asIs)
	f.Add([]byte("[repository]\nurl = \"http://[::1%eth0]/\"\nsuites=[\"\"]"))
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Parse("/x/c.toml", src)
		if err != nil {
			return
		}
		if !filepath.IsAbs(c.Inventory) || !filepath.IsAbs(c.State) || !filepath.IsAbs(c.Repository.Root) || c.Rollout.Parallel < 1 {
			t.Errorf("accepted %+v", c)
		}
	})
}
