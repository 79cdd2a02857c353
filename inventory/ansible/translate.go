package ansible

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
)

// settings are values of ours as TOML text, by key.
type settings map[string]string

// keys is the order in which settings are written. The last two are a host's only.
var keys = []string{"user", "port", "identity", "jump", "become", "connect_timeout", "known_hosts", "address", "host_key_alias"}

func onlyOfHosts(key string) bool { return key == "address" || key == "host_key_alias" }

// names are Ansible's variables for what is one word of ours, the stronger first: its older name
// (ansible.builtin.ssh takes the last in its list).
var names = []struct {
	ours   string
	theirs []string
}{
	{"user", []string{"ansible_ssh_user", "ansible_user"}},
	{"address", []string{"ansible_ssh_host", "ansible_host"}},
	{"identity", []string{"ansible_ssh_private_key_file", "ansible_private_key_file"}},
}

// meaningless are variables that say nothing to us.
var meaningless = map[string]bool{
	"ansible_python_interpreter": true, "ansible_group_priority": true, "ansible_shell_type": true, "ansible_pipelining": true,
	"ansible_ssh_pipelining": true, "ansible_ssh_retries": true, "ansible_ssh_transfer_method": true, "ansible_become_flags": true,
}

var hostNameTemplate = lazyregexp.New(`\{\{\s*inventory_hostname\s*\}\}`)

// translation turns variables into settings and lists what has no counterpart.
type translation struct {
	vars map[string]any
	host string // for {{ inventory_hostname }}; "" for a group
	out  settings
	used map[string]bool
	left []string
}

// translate returns the settings that variables amount to, and what of them
// could not be carried over. Values are left out of the latter: they may be
// passwords.
func translate(vars map[string]any, host string) (settings, []string) {
	t := &translation{vars: vars, host: host, out: settings{}, used: map[string]bool{}}
	for _, n := range names {
		if value, ok := t.text(n.theirs...); ok && value != "" && value != host {
			t.out[n.ours] = quote(value)
		}
	}
	t.number("port", func(n int) string { return strconv.Itoa(n) }, "ansible_ssh_port", "ansible_port")
	t.number("connect_timeout", func(n int) string { return quote(strconv.Itoa(n) + "s") }, "ansible_ssh_timeout", "ansible_timeout")
	t.become()
	t.expected("ansible_connection", "ssh", "smart", "paramiko", "paramiko_ssh")
	for _, name := range []string{"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"} {
		if args, ok := t.text(name); ok {
			t.sshArgs(name, args)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if !t.used[name] && !meaningless[name] {
			t.left = append(t.left, name)
		}
	}
	return t.out, t.left
}

func (t *translation) leave(format string, args ...any) {
	t.left = append(t.left, fmt.Sprintf(format, args...))
}

// text returns the first of the variables that is there, all of which it counts
// as seen.
func (t *translation) text(names ...string) (value string, ok bool) {
	for _, name := range names {
		v, there := t.vars[name]
		t.used[name] = true
		if !there || ok || v == nil {
			continue
		}
		text := fmt.Sprint(v)
		templated := hostNameTemplate().MatchString(text)
		if text = hostNameTemplate().ReplaceAllString(text, t.host); strings.Contains(text, "{{") {
			t.leave("%s (a template)", name)
		} else if !templated || t.host != "" {
			value, ok = text, true
		}
	}
	return value, ok
}

func (t *translation) number(key string, write func(int) string, names ...string) {
	text, ok := t.text(names...)
	if !ok {
		return
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 {
		t.leave("%s (no number)", t.said(names))
		return
	}
	t.out[key] = write(n)
}

// said returns the first of the variables that is there.
func (t *translation) said(names []string) string {
	return names[slices.IndexFunc(names, func(name string) bool { return t.vars[name] != nil })]
}

func (t *translation) become() {
	if text, ok := t.text("ansible_become"); ok {
		switch strings.ToLower(text) {
		case "true", "yes", "on", "1", "y", "t":
			t.out["become"] = quote("sudo")
		case "false", "no", "off", "0", "n", "f":
			t.out["become"] = quote("none")
		default:
			t.leave("ansible_become (neither true nor false)")
		}
	}
	t.expected("ansible_become_method", "sudo")
	t.expected("ansible_become_user", "root")
}

// expected lists a variable as left out if it is none of the values that we
// assume anyway.
func (t *translation) expected(name string, values ...string) {
	if text, ok := t.text(name); ok && !slices.Contains(values, text) {
		t.leave("%s = %s", name, text)
	}
}

// quote writes a string as TOML: what JSON escapes, TOML does.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string into memory cannot fail
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "\x7f", `\u007f`)
}
