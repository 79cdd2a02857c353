package inventory

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// write puts files into a folder of the test's own; DIR in them is that folder.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const userConfig = `
# comment
Include "DIR/included*"
Host web db-*.example.com !db-9.example.com
  HostName %h.internal
  User deploy
  Port 2222
  IdentityFile DIR/missing
  IdentityFile DIR/key_%r
  ProxyJump ops@bastion:2200
  UserKnownHostsFile DIR/known_%n "DIR/known two"
Host=alias
	HostName = 10.0.0.7
	HostKeyAlias=real.example.com
	ConnectTimeout 7
	IdentityFile "DIR/a key"
Host old
  ProxyCommand ssh -q -W %h:%p -p 2022 ops@gate
Host direct
  ProxyJump none
Host bastion
  User ops
  ProxyJump none # or it would be its own
Host *.tokens
  IdentityFile DIR/%d-%u-%i-%n-%p-%%-%k
Host *
  User everyone
  ProxyJump bastion
`

var sshFiles = map[string]string{
	"config":     userConfig,
	"included-1": "Host inc\n  Port 2201\n  User first\nHost *.inc\n  Port 99\n",
	"included-2": "Host inc\n  Port 2202\n  HostName second.example.com\n",
	"key_deploy": "",
}

// TestApply compares what is read here with what ssh itself says.
func TestApply(t *testing.T) {
	dir := write(t, sshFiles)
	files := []string{filepath.Join(dir, "config")}
	ours, err := readSSHConfig(files)
	if err != nil {
		t.Fatal(err)
	}
	oracle := oracleSSH(t, files)
	for _, name := range []HostName{"web", "db-1.example.com", "db-9.example.com", "alias", "old", "direct", "bastion", "x.tokens", "inc", "y.inc", "other"} {
		got, err1 := ours.Apply(Host{Name: name})
		want, err2 := oracle.Apply(Host{Name: name})
		if err1 != nil || err2 != nil {
			t.Errorf("%s: %v, %v", name, err1, err2)
		}
		if len(want.KnownHosts) == 3 {
			want.KnownHosts = got.KnownHosts // ssh -G writes "known two" without its quotes
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: ssh -, ours +\n%s", name, diff)
		}
	}
}

func oracleSSH(t *testing.T, files []string) *SSHConfig {
	t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("there is no ssh here to compare with")
	}
	oracle, err := askSSH(files)
	if err != nil {
		t.Fatal(err)
	}
	return oracle
}

func TestApplyValues(t *testing.T) {
	dir := write(t, sshFiles)
	c, err := LoadSSHConfig(filepath.Join(dir, "config"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ host, is Host }{
		{Host{Name: "web"}, Host{Name: "web", Address: "web.internal", User: "deploy", Port: 2222, Identities: []string{dir + "/missing", dir + "/key_deploy"},
			Jump: "ops@bastion:2200", KnownHosts: []string{dir + "/known_web", dir + "/known two"}}},
		{Host{Name: "alias"}, Host{Name: "alias", Address: "10.0.0.7", User: "everyone", HostKeyAlias: "real.example.com",
			ConnectTimeout: 7 * time.Second, Identities: []string{dir + "/a key"}, Jump: "bastion"}},
		{Host{Name: "old"}, Host{Name: "old", User: "everyone", Jump: "ops@gate:2022"}},
		{Host{Name: "direct"}, Host{Name: "direct", User: "everyone"}},
		{Host{Name: "bastion"}, Host{Name: "bastion", User: "ops"}},
		{Host{Name: "inc"}, Host{Name: "inc", Address: "second.example.com", User: "first", Port: 2201, Jump: "bastion"}},
	} {
		got, err := c.Apply(tt.host)
		if err != nil {
			t.Errorf("%s: %v", tt.host.Name, err)
		} else if diff := cmp.Diff(tt.is, got); diff != "" {
			t.Errorf("%s: want -, got +\n%s", tt.host.Name, diff)
		}
	}
}

// TestInventoryWins holds that nothing the inventory says is changed.
func TestInventoryWins(t *testing.T) {
	dir := write(t, sshFiles)
	c, err := LoadSSHConfig(filepath.Join(dir, "config"))
	if err != nil {
		t.Fatal(err)
	}
	said := Host{Name: "web", Address: "192.0.2.1", Port: 1, User: "u", Identity: "/id", Jump: "none", ConnectTimeout: time.Second,
		KnownHosts: []string{"/kh"}, HostKeyAlias: "a"}
	got, err := c.Apply(said)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(said, got); diff != "" {
		t.Error(diff)
	}
}

// TestMatch holds that files with Match are ssh's to read, however deep it lies.
func TestMatch(t *testing.T) {
	oracleSSH(t, nil)
	for _, files := range []map[string]string{
		{"config": "Host never\n  Include DIR/b*\n", "b1": "Include DIR/c\n", "c": "  match host web user bob\n    Port 7\n"},
		{"config": "Match host web user bob\n  Port 7\nMatch final\n  ConnectTimeout 3\n"},
		{"config": "Host x\n  Port 8\nMatch originalhost web exec \"test %r = bob\"\n Port 7\n"},
	} {
		dir := write(t, files)
		c, err := LoadSSHConfig(filepath.Join(dir, "config"))
		if err != nil {
			t.Fatal(err)
		}
		wantPort := 7
		if _, nested := files["b1"]; nested {
			wantPort = 0 // Host never
		}
		for user, port := range map[string]int{"bob": wantPort, "eve": 0} {
			got, err := c.Apply(Host{Name: "web", User: user})
			if err != nil || got.Port != port {
				t.Errorf("%v: %s@web has port %d, want %d: %v", files, user, got.Port, port, err)
			}
		}
	}
}

// TestIncludePassesOver includes what is no file, as ssh does.
func TestIncludePassesOver(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "conf.d", "old"), 0o700),
		os.Symlink("nothing", filepath.Join(dir, "conf.d", "a-link")),
		os.WriteFile(filepath.Join(dir, "conf.d", "web"), []byte("Host web\n  Port 7\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "config"), []byte("Include "+dir+"/conf.d/*\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	config, err := LoadSSHConfig(filepath.Join(dir, "config"))
	if err != nil {
		t.Fatal(err)
	}
	if h, err := config.Apply(Host{Name: "web"}); err != nil || h.Port != 7 {
		t.Errorf("port %d, %v", h.Port, err)
	}
}

func TestSSHConfigErrors(t *testing.T) {
	for _, tt := range []struct{ config, want string }{
		{"Host web\n  Port no\n", `web: cannot use ssh_config: "no" is no Port`},
		{"Host web\n  HostName %q\n", `web: cannot use ssh_config: HostName "%q": cannot expand %q`},
		{"Host web\n  HostName x%\n", `web: cannot use ssh_config: HostName "x%": ends in a %`},
		{"Host web\n  ConnectTimeout soon\n", `web: cannot use ssh_config: ConnectTimeout "soon" is no length of time`},
		{"Host web\n  ProxyCommand nc -x socks %h %p\n", `web: cannot use ssh_config: ProxyCommand "nc -x socks %h %p" is more than a jump`},
		{"Host web\n  IdentityFile ${APTFLEET_NOT_SET}/id\n", `web: cannot use ssh_config: IdentityFile: "${APTFLEET_NOT_SET}/id": the environment has no`},
		{"Match bogus\n", "web: cannot read ssh_config: "},
	} {
		dir := write(t, map[string]string{"config": tt.config})
		c, err := LoadSSHConfig(filepath.Join(dir, "config"))
		if err != nil {
			t.Errorf("%q: %v", tt.config, err)
			continue
		}
		if _, err = c.Apply(Host{Name: "web"}); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q\ngot  %v\nwant %s", tt.config, err, tt.want)
		}
	}
	if _, err := LoadSSHConfig("/nonexistent/config"); err == nil || !strings.HasPrefix(err.Error(), "cannot read ssh_config: stat /nonexistent/config") {
		t.Errorf("a missing file: %v", err)
	}
}

// TestSeveralFiles holds that the first file that says something wins.
func TestSeveralFiles(t *testing.T) {
	dir := write(t, map[string]string{"user": "Host web\n Port 1\n", "system": "Host *\n Port 2\n User s\n"})
	c, err := LoadSSHConfig(filepath.Join(dir, "user"), filepath.Join(dir, "system"))
	if err != nil {
		t.Fatal(err)
	}
	if h, err := c.Apply(Host{Name: "web"}); err != nil || h.Port != 1 || h.User != "s" {
		t.Errorf("Apply = %+v, %v", h, err)
	}
}

func TestJumpOfProxyCommand(t *testing.T) {
	for _, tt := range []struct {
		command, jump, lost string
		ok                  bool
	}{
		{"ssh -W %h:%p bastion", "bastion", "", true},
		{"ssh -q -W %h:%p ops@bastion", "ops@bastion", "", true},
		{"/usr/bin/ssh ops@bastion -W [%h]:%p", "ops@bastion", "", true},
		{"exec ssh -W%h:%p -p 2022 -l ops bastion", "ops@bastion:2022", "", true},
		{"ssh -W '%h:%p' \"bastion\"", "bastion", "", true},
		{"ssh bastion nc %h %p", "", "", false},
		{"ssh -i key -W %h:%p -o StrictHostKeyChecking=no ops@bastion", "ops@bastion", "-i key; -o StrictHostKeyChecking=no", true},
		{"ssh -i key bastion", "", "", false},
		{"ssh -D 1080 -W %h:%p bastion", "", "", false},
		{"ssh -W %h:22 bastion", "", "", false},
		{"ssh -W %h:%p", "", "", false},
		{"ssh bastion", "", "", false},
		{"ssh -W", "", "", false},
		{"nc %h %p", "", "", false},
		{"", "", "", false},
	} {
		if jump, lost, ok := JumpOfProxyCommand(tt.command); jump != tt.jump || strings.Join(lost, "; ") != tt.lost || ok != tt.ok {
			t.Errorf("JumpOfProxyCommand(%q) = %q, %q, %v; want %q, %q, %v", tt.command, jump, lost, ok, tt.jump, tt.lost, tt.ok)
		}
	}
}

// FuzzSSHConfig holds that no file makes us panic, and that what is filled in
// can be used. Includes would read this machine, so they are left out.
func FuzzSSHConfig(f *testing.F) {
	f.Add([]byte(strings.Replace(userConfig, "Include", "# Include", 1)), "web")
	f.Add([]byte("Host \"a b\n Port = 2\nHost !x *\nIdentityFile %d/${HOME}$x\n"), "x")
	f.Fuzz(func(t *testing.T, config []byte, name string) {
		if strings.Contains(strings.ToLower(string(config)), "include") {
			return
		}
		blocks, err := parseSSHConfig("config", string(config), 0)
		if err != nil {
			return
		}
		c := &SSHConfig{options: func(host, _ string) (sshOptions, error) { return optionsOf(blocks, host), nil }}
		if h, err := c.Apply(Host{Name: HostName(name)}); err == nil && (h.Port < 0 || h.Port > 65535) {
			t.Errorf("Apply = %+v", h)
		}
	})
}
