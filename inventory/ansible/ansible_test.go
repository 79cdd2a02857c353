package ansible

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/inventory"
)

var update = flag.Bool("update", false, "write the golden files anew")

var samples = []string{"testdata/plain/hosts.ini", "testdata/precedence/hosts", "testdata/yaml/inventory.yml"}

// TestConvert compares with golden files, warnings included.
func TestConvert(t *testing.T) {
	for _, path := range samples {
		got, warnings, err := Convert(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got = append(got, "\n# Warnings:\n# "+strings.Join(warnings, "\n# ")+"\n"...)
		golden := filepath.Join(filepath.Dir(path), "golden.toml")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if strings.Contains(string(got), "hunter2") {
			t.Errorf("%s: a password was carried over", path)
		}
	}
}

// reach is what both sides say about a host.
type reach struct {
	Address, User, Identity, Become string
	Port                            int
	Groups                          []string
}

// TestAgainstAnsible asks Ansible itself how it would reach each host.
func TestAgainstAnsible(t *testing.T) {
	if _, err := exec.LookPath("ansible-inventory"); err != nil {
		t.Skip("there is no ansible-inventory here to compare with: apt-get install ansible-core")
	}
	for _, path := range samples {
		converted, _, err := Convert(path)
		if err != nil {
			t.Fatal(err)
		}
		inv, err := inventory.Parse(filepath.Join(filepath.Dir(path), "x.toml"), converted)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]reach{}
		for _, h := range inv.Hosts() {
			got[string(h.Name)] = reach{h.DialAddress(), h.User, h.Identity, h.Become, h.Port, slices.Sorted(slices.Values(h.Groups))}
		}
		if diff := cmp.Diff(askAnsible(t, path), got); diff != "" {
			t.Errorf("%s: ansible -, ours +\n%s", path, diff)
		}
	}
}

func askAnsible(t *testing.T, path string) map[string]reach {
	t.Helper()
	cmd := exec.Command("ansible-inventory", "-i", path, "--list")
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "ANSIBLE_VARS_ENABLED=host_group_vars")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot ask ansible about %s: %v", path, err)
	}
	var listed map[string]struct {
		Hosts, Children []string
		HostVars        map[string]map[string]any `json:"hostvars"`
	}
	if err := json.Unmarshal(out, &listed); err != nil {
		t.Fatal(err)
	}
	var members func(group string) []string
	members = func(group string) []string {
		list := slices.Clone(listed[group].Hosts)
		for _, child := range listed[group].Children {
			list = append(list, members(child)...)
		}
		return list
	}
	found := map[string]reach{}
	for _, name := range members("all") {
		found[name] = reachOf(name, listed["_meta"].HostVars[name])
	}
	for _, group := range slices.Sorted(maps.Keys(listed)) {
		for _, name := range slices.Compact(slices.Sorted(slices.Values(members(group)))) {
			if r := found[name]; group != "all" {
				r.Groups = append(r.Groups, strings.ReplaceAll(group, " ", "_"))
				found[name] = r
			}
		}
	}
	return found
}

func reachOf(name string, vars map[string]any) reach {
	text := func(names ...string) string {
		for _, n := range names {
			if v, ok := vars[n]; ok {
				return strings.ReplaceAll(fmt.Sprint(v), "{{ inventory_hostname }}", name)
			}
		}
		return ""
	}
	r := reach{Address: text("ansible_ssh_host", "ansible_host"), User: text("ansible_ssh_user", "ansible_user"), Identity: text("ansible_ssh_private_key_file")}
	if rest, ok := strings.CutPrefix(r.Identity, "~/"); ok {
		home, _ := os.UserHomeDir()
		r.Identity = filepath.Join(home, rest)
	}
	if r.Address == "" {
		r.Address = name
	}
	_, _ = fmt.Sscan(text("ansible_ssh_port", "ansible_port"), &r.Port) // 0 where there is none
	r.Become = map[string]string{"true": "sudo", "yes": "sudo", "false": "none", "no": "none"}[text("ansible_become")]
	return r
}

func TestTranslate(t *testing.T) {
	for _, tt := range []struct {
		name, value, want string // want is "key = value", or what is left out after a "-"
	}{
		{"ansible_ssh_common_args", "-o ProxyJump=ops@gate:22", `jump = "ops@gate:22"`},
		{"ansible_ssh_common_args", "-oProxyJump=gate", `jump = "gate"`},
		{"ansible_ssh_common_args", "-o 'ProxyJump gate'", `jump = "gate"`},
		{"ansible_ssh_common_args", "-Jgate,inner", `jump = "gate,inner"`},
		{"ansible_ssh_common_args", `-o ProxyCommand='ssh -q -W %h:%p gate'`, `jump = "gate"`},
		{"ansible_ssh_common_args", `-o ProxyCommand="ssh -W %h:%p -q -i ~/.ssh/gate -p 2222 ops@gate"`, `jump = "ops@gate:2222"; --i ~/.ssh/gate for ops@gate:2222, which ~/.ssh/config may say`},
		{"ansible_ssh_common_args", `-o ProxyCommand="nc gate %h"`, "-ansible_ssh_common_args: -o ProxyCommand=nc gate %h"},
		{"ansible_ssh_common_args", "-o StrictHostKeyChecking=no", "-ansible_ssh_common_args: -o StrictHostKeyChecking=no"},
		{"ansible_ssh_common_args", "-o UserKnownHostsFile=/dev/null", "-ansible_ssh_common_args: -o UserKnownHostsFile=/dev/null"},
		{"ansible_ssh_common_args", "-o UserKnownHostsFile=/kh", `known_hosts = ["/kh"]`},
		{"ansible_ssh_common_args", "-F x", "-ansible_ssh_common_args: -F x"},
		{"ansible_ssh_common_args", "-i /k", `identity = "/k"`},
		{"ansible_ssh_common_args", "-l bob -C", `user = "bob"`},
		{"ansible_ssh_args", "-o ControlMaster=auto -o ControlPersist=60s", ""},
		{"ansible_ssh_common_args", "-o \"", `-ansible_ssh_common_args (a " is not closed)`},
		{"ansible_become", "maybe", "-ansible_become (neither true nor false)"},
		{"ansible_become_method", "doas", "-ansible_become_method = doas"},
		{"ansible_become_user", "root", ""},
		{"ansible_connection", "local", "-ansible_connection = local"},
		{"ansible_port", "ssh", "-ansible_port (no number)"},
		{"ansible_port", "{{ port }}", "-ansible_port (a template)"},
		{"ansible_timeout", "12", `connect_timeout = "12s"`},
		{"ansible_host", "{{ inventory_hostname }}.x", `address = "h.x"`},
		{"ansible_host", "h", ""},
		{"secret", "hunter2", "-secret"},
	} {
		own, left := translate(map[string]any{tt.name: tt.value}, "h")
		var got []string
		for _, key := range slices.Sorted(maps.Keys(own)) {
			got = append(got, key+" = "+own[key])
		}
		for _, l := range left {
			got = append(got, "-"+l)
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%s=%s is %s, want %s", tt.name, tt.value, got, tt.want)
		}
	}
}

func TestConvertErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"hosts", "[web]\nw[01:\n", `hosts:2: cannot read hosts "w[01"`},
		{"hosts", "[web]\nw[5:1]\n", `hosts:2: cannot read hosts "w[5-1]": range [5-1]: runs backwards`},
		{"hosts", "[web:kids]\n", "hosts:1: cannot read section web:kids"},
		{"hosts", "[web]\nh novalue\n", `hosts:2: cannot read "h novalue": "novalue" is no NAME=VALUE`},
		{"hosts", "[web]\nh a='b\n", `hosts:2: cannot read "h a='b": a ' is not closed`},
		{"hosts", "[web:vars]\nx\n", `hosts:2: cannot read "x": variables are NAME=VALUE`},
		{"hosts", "[web:children]\na b\n", `hosts:2: cannot read "a b": one group a line`},
		{"hosts", "[a:children]\nb\n[b:children]\na\n[c]\nh\n", "hosts: group a contains itself: a -> b -> a"},
		{"hosts", "# nothing\n", "hosts: it has no host"},
		{"hosts", "#!/bin/sh\n", "hosts: it is a script"},
		{"h.yml", "plugin: aws_ec2\n", "h.yml: it configures the inventory plugin aws_ec2"},
		{"h.yml", "all: [1]\n", "h.yml: group all: must be a mapping"},
		{"h.yml", "all:\n  host:\n    a:\n", "h.yml: group all: host is neither hosts, children nor vars"},
		{"h.yml", "all:\n\t- x\n", "h.yml: cannot read YAML"},
	} {
		path := filepath.Join(t.TempDir(), tt.name)
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Convert(path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q\ngot  %v\nwant %s", tt.text, err, tt.want)
		}
	}
	if _, _, err := Convert(t.TempDir()); err == nil || !strings.Contains(err.Error(), "it is a folder: give the output of ") {
		t.Errorf("a folder: %v", err)
	}
	if _, _, err := Convert("/nonexistent/hosts"); err == nil || !strings.HasPrefix(err.Error(), "cannot read Ansible inventory: ") {
		t.Errorf("a missing file: %v", err)
	}
}

// TestConvertNames has groups of names that mean something in TOML.
func TestConvertNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte("[]\nc\n[eu.west-1]\na\n[1.0]\nb\n[top:children]\neu.west-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, _, err := Convert(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[groups.g]", `[groups."eu.west-1"]`, `[groups."1.0"]`, `groups = ["eu.west-1"]`} {
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
}

// FuzzConvert holds that whatever is read is written as TOML. That a value is
// one of ours, such as a user without blanks, Convert itself looks at.
func FuzzConvert(f *testing.F) {
	for _, path := range samples {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, strings.HasSuffix(path, ".yml"))
	}
	f.Add([]byte("[:vars]\n\xd8=\n[]\n0\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, isYAML bool) {
		s := newSource("/nonexistent/hosts")
		var err error
		if isYAML {
			err = s.readYAML(data)
		} else {
			err = s.readINI(string(data))
		}
		if err != nil || s.dropUnnameable() != nil {
			return
		}
		fleet, err := resolve(s)
		if err != nil {
			return
		}
		if _, err := toml.Decode(string(fleet.write()), new(map[string]any)); err != nil {
			t.Error(err)
		}
	})
}

func TestVault(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"hosts": "h\n", "host_vars/h/.hidden.yml": "a: [", "host_vars/h/backup.yml~": "a: [",
		"host_vars/h/notes.txt": "a: [", "host_vars/h/vault.yml": "$ANSIBLE_VAULT;1.1;AES256\n61\n", "host_vars/h/main.yml": "ansible_port: 7\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, warnings, err := Convert(filepath.Join(dir, "hosts"))
	if err != nil || !strings.Contains(string(out), "[hosts.h]\nport = 7\n") {
		t.Errorf("Convert = %s, %v", out, err)
	}
	if len(warnings) != 1 || !strings.HasSuffix(warnings[0], "vault.yml is encrypted and was not read") {
		t.Errorf("warnings are %q", warnings)
	}
}
