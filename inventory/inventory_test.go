package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const shop = `
[defaults]
user = "deploy"
port = 22
connect_timeout = "10s"
labels = { site = "zrh" }

[groups.web]
groups = ["web_new", "web_old"]
labels = { tier = "web" }
port = 2222

[groups.web_new]
hosts = ["web-b[01-03].example.com"]
mutex = "shop"
port = 2223

[groups.web_old]
hosts = [
  "web-a[01-02].example.com",
]

[groups.db]
hosts = ["db[a-b]"]
become = "none"
identity = "keys/db"
known_hosts = ["/etc/ssh/known_db"]
tunnel = true

[hosts."web-b02.example.com"]
address = "10.0.3.7"
jump = "ops@bastion:2022"
labels = { canary = "yes", site = "gva" }
host_key_alias = "b02"

[hosts.spare]
groups = ["db"]

[hosts.alone]
groups = []
chroot = "/srv/slots/b"
`

func TestParse(t *testing.T) {
	inv, err := Parse("/etc/aptfleet/inventory.toml", []byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	web := func(name HostName, port int, mutex string, groups ...string) Host {
		return Host{Name: name, User: "deploy", Port: port, ConnectTimeout: 10 * time.Second, Mutex: mutex,
			Groups: groups, Labels: map[string]string{"site": "zrh", "tier": "web"}}
	}
	db := func(name HostName) Host {
		return Host{Name: name, User: "deploy", Port: 22, ConnectTimeout: 10 * time.Second, Become: "none", Tunnel: true,
			Identity: "/etc/aptfleet/keys/db", KnownHosts: []string{"/etc/ssh/known_db"},
			Groups: []string{"db"}, Labels: map[string]string{"site": "zrh"}}
	}
	b02 := web("web-b02.example.com", 2223, "shop", "web", "web_new")
	b02.Address, b02.Jump, b02.HostKeyAlias = "10.0.3.7", "ops@bastion:2022", "b02"
	b02.Labels = map[string]string{"site": "gva", "tier": "web", "canary": "yes"}
	want := []Host{
		web("web-b01.example.com", 2223, "shop", "web", "web_new"), b02, web("web-b03.example.com", 2223, "shop", "web", "web_new"),
		web("web-a01.example.com", 2222, "", "web", "web_old"), web("web-a02.example.com", 2222, "", "web", "web_old"),
		db("dba"), db("dbb"), db("spare"),
		{Name: "alone", User: "deploy", Port: 22, ConnectTimeout: 10 * time.Second, Chroot: "/srv/slots/b", Labels: map[string]string{"site": "zrh"}},
	}
	if diff := cmp.Diff(want, inv.Hosts()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"web", "web_new", "web_old", "db"}, inv.Groups()); diff != "" {
		t.Error(diff)
	}
	if h, ok := inv.Host("web-b02.example.com"); !ok || h.DialAddress() != "10.0.3.7" {
		t.Errorf("Host = %+v, %v", h, ok)
	}
	if _, ok := inv.Host("nobody"); ok {
		t.Error("Host found nobody")
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"unknown key", "[groups.web]\nhots = [\"a\"]\n", `i.toml:2: groups.web.hots: unknown key (did you mean "hosts"?)`},
		{"unknown section", "[group.web]\n", `i.toml:1: group: unknown key (did you mean "groups"?)`},
		{"key of a host only", "[defaults]\naddress = \"x\"\n", "i.toml:2: defaults.address: unknown key"},
		{"duplicate", "[groups.web]\nhosts = [\n \"a\",\n \"a\",\n]\n",
			`i.toml:4: groups.web.hosts[1]: a is in this group already, by "a" on line 3`},
		{"overlap", "[groups.web]\nhosts = [\n \"w[1-5]\",\n \"w[5-9]\"]\n",
			`i.toml:4: groups.web.hosts[1]: w5 is in this group already, by "w[1-5]" on line 3`},
		{"overlap within one pattern", "[groups.web]\nhosts = [\"w[1-5,3]\"]\n",
			`i.toml:2: groups.web.hosts[0]: w3 is in this group already, by "w[1-5,3]" on line 2`},
		{"backwards", "[groups.web]\nhosts = [\"w[20-01]\"]\n",
			`i.toml:2: groups.web.hosts[0]: "w[20-01]": range [20-01]: runs backwards, from 20 to 01`},
		{"itself", "[groups.a]\ngroups = [\"a\"]\n", "i.toml:2: groups.a.groups: group a contains itself: a -> a"},
		{"cycle", "[groups.x]\ngroups = [\"a\"]\n[groups.a]\ngroups = [\"b\"]\n[groups.b]\ngroups = [\"a\"]\n",
			"i.toml:6: groups.b.groups: group a contains itself: a -> b -> a"},
		{"unknown group", "[groups.web]\n[groups.all_web]\ngroups = [\"wbe\"]\n",
			`i.toml:3: groups.all_web.groups[0]: there is no group "wbe" (did you mean "web"?)`},
		{"override of nobody", "[groups.web]\nhosts = [\"web-[01-20]\"]\n[hosts.web-21]\nport = 3\n",
			`i.toml:3: hosts.web-21: no group lists this host (did you mean "web-01"?); a host declared only here says groups`},
		{"host of an unknown group", "[groups.web]\n[hosts.a]\ngroups = [\"wbe\"]\n",
			`i.toml:3: hosts.a.groups[0]: there is no group "wbe" (did you mean "web"?)`},
		{"host in its group twice", "[groups.web]\nhosts = [\"a\"]\n[hosts.a]\ngroups = [\"web\"]\n",
			"i.toml:4: hosts.a.groups[0]: the host is in web already"},
		{"groups that differ", "[groups.a]\nhosts = [\"h\"]\nuser = \"x\"\n[groups.b]\nhosts = [\"h\"]\nuser = \"y\"\n",
			`i.toml:6: groups.b.user: group a on line 3 says otherwise, and h is in both: decide in [hosts.h]`},
		{"labels that differ", "[groups.a]\nhosts = [\"h\"]\nlabels = { t = \"x\" }\n[groups.b]\nhosts = [\"h\"]\n[groups.b.labels]\nt = \"y\"\n",
			`i.toml:7: groups.b.labels.t: group a on line 3 says otherwise, and h is in both: decide in [hosts.h]`},
		{"host named as a group", "[groups.web]\nhosts = [\"web\"]\n", `i.toml:2: groups.web.hosts[0]: "web" is a group: `},
		{"group all", "[groups.all]\n", "i.toml:1: groups.all: all hosts are this group already"},
		{"host all", "[groups.a]\nhosts = [\"all\"]\n", `i.toml:2: groups.a.hosts[0]: "all" is a group`},
		{"group name", "[groups.\"a b\"]\n", `i.toml:1: groups."a b": the name "a b" has a ' '`},
		{"host name as an option", "[groups.a]\nhosts = [\"-oProxyCommand=x\"]\n", `i.toml:2: groups.a.hosts[0]: the name "-oProxyCommand=x" starts with '-'`},
		{"empty host name", "[groups.a]\nhosts = [\"\"]\n", "i.toml:2: groups.a.hosts[0]: the name is empty"},
		{"long host name", "[groups.a]\nhosts = [\"" + strings.Repeat("x", 300) + "\"]\n", "i.toml:2: groups.a.hosts[0]: the name \"xxx"},
		{"open bracket", "[groups.a]\nhosts = [\"w[1-3\"]\n", `i.toml:2: groups.a.hosts[0]: "w[1-3" has a [ without a ]`},
		{"port", "[hosts.a]\ngroups = []\nport = 70000\n", "i.toml:3: hosts.a.port: 70000 is no port: 1 to 65535"},
		{"port's kind", "[defaults]\nport = \"22\"\n", "i.toml:2: defaults.port: must be an integer, is a string"},
		{"user", "[defaults]\nuser = \"\"\n", `i.toml:2: defaults.user: "" is empty`},
		{"user as an option", "[defaults]\nuser = \"-x\"\n", `i.toml:2: defaults.user: "-x" is empty, starts with a hyphen`},
		{"become", "[defaults]\nbecome = \"doas\"\n", `i.toml:2: defaults.become: "doas" is neither "sudo" nor "none"`},
		{"jump", "[groups.a]\njump = \"x,,y\"\n", `i.toml:2: groups.a.jump: "x,,y" is no [user@]host[:port]`},
		{"jump as an option", "[groups.a]\njump = \"u@-x\"\n", `i.toml:2: groups.a.jump: "u@-x" is no [user@]host[:port]`},
		{"time without unit", "[defaults]\nconnect_timeout = \"30\"\n", `i.toml:2: defaults.connect_timeout: "30" is no length of time`},
		{"no time", "[defaults]\nconnect_timeout = \"0s\"\n", "i.toml:2: defaults.connect_timeout: must be longer than 0s"},
		{"chroot", "[groups.a]\nchroot = \"srv/b\"\n", `i.toml:2: groups.a.chroot: "srv/b" must be the absolute path`},
		{"chroot with ..", "[groups.a]\nchroot = \"/srv/../b\"\n", `i.toml:2: groups.a.chroot: "/srv/../b" must be the absolute path`},
		{"chroot /", "[groups.a]\nchroot = \"/\"\n", `i.toml:2: groups.a.chroot: "/" must be the absolute path`},
		{"mutex", "[groups.a]\nmutex = \"\"\n", "i.toml:2: groups.a.mutex: is empty"},
		{"known_hosts", "[groups.a]\nknown_hosts = [\"\"]\n", "i.toml:2: groups.a.known_hosts: one of the paths is empty"},
		{"address", "[hosts.a]\ngroups = []\naddress = \"a b\"\n", `i.toml:3: hosts.a.address: "a b" is empty`},
		{"alias", "[hosts.a]\ngroups = []\nhost_key_alias = \"\"\n", `i.toml:3: hosts.a.host_key_alias: "" is empty`},
		{"two errors", "[groups.a]\nport = 0\n[groups.b]\nbecome = \"\"\n",
			"i.toml:2: groups.a.port: 0 is no port: 1 to 65535\ni.toml:4: groups.b.become: \"\" is neither"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("i.toml", []byte(tt.src))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestGroupsThatDiffer holds what settles a difference between groups.
func TestGroupsThatDiffer(t *testing.T) {
	for _, tt := range []struct{ name, src, user string }{
		{"they agree", "[groups.a]\nhosts = [\"h\"]\nuser = \"x\"\n[groups.b]\nhosts = [\"h\"]\nuser = \"x\"\n", "x"},
		{"the host decides", "[groups.a]\nhosts = [\"h\"]\nuser = \"x\"\n[groups.b]\nhosts = [\"h\"]\nuser = \"y\"\n[hosts.h]\nuser = \"z\"\n", "z"},
		{"the inner group wins", "[groups.a]\ngroups = [\"b\"]\nuser = \"x\"\n[groups.b]\nhosts = [\"h\"]\nuser = \"y\"\n", "y"},
		{"the innermost of three wins", "[groups.c]\nhosts = [\"h\"]\nuser = \"z\"\n[groups.a]\ngroups = [\"b\"]\nuser = \"x\"\n[groups.b]\ngroups = [\"c\"]\n", "z"},
		{"a group within both wins", "[groups.a]\ngroups = [\"c\"]\nuser = \"x\"\n[groups.b]\ngroups = [\"c\"]\nuser = \"y\"\n[groups.c]\nhosts = [\"h\"]\nuser = \"z\"\n", "z"},
		{"a group wins over the defaults", "[defaults]\nuser = \"x\"\n[groups.a]\nhosts = [\"h\"]\nuser = \"y\"\n", "y"},
	} {
		inv, err := Parse("i.toml", []byte(tt.src))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if got := inv.Hosts()[0].User; got != tt.user {
			t.Errorf("%s: user is %s, want %s", tt.name, got, tt.user)
		}
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inventory.toml")
	if _, err := Load(path); err == nil || err.Error() != "cannot read inventory "+path+": no such file or directory" {
		t.Errorf("Load of nothing: %v", err)
	}
	if err := os.WriteFile(path, []byte(shop), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := Load(path)
	if err != nil || len(inv.Hosts()) != 9 {
		t.Errorf("Load = %v, %v", inv, err)
	}
}

// TestOwnLabels holds that a host's own labels do not reach its neighbours.
func TestOwnLabels(t *testing.T) {
	inv, err := Parse("i.toml", []byte("[groups.a]\nhosts = [\"x\", \"y\"]\nlabels = { t = \"1\" }\n[hosts.x.labels]\nt = \"2\"\nu = \"3\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"t": "1"}, inv.Hosts()[1].Labels); diff != "" {
		t.Error(diff)
	}
}
