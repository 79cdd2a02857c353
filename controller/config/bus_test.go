package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBus(t *testing.T) {
	for _, tt := range []struct {
		text   string
		agents []string
		err    string
	}{
		{"", nil, ""},
		{`listen = ":8072"` + "\n" + `names = ["deploy.example.com", "10.0.0.1", "fd00::1"]`, []string{"tls://deploy.example.com:8072", "tls://10.0.0.1:8072", "tls://[fd00::1]:8072"}, ""},
		{`url = "tls://a,b:1,tls://c"` + "\n" + `credentials = "x"` + "\n" + `ca = "y"`, []string{"tls://a:4222", "tls://b:1", "tls://c:4222"}, ""},
		{`listen = ":8072"`, nil, "aptfleet.toml:4: bus.listen: names does not say"},
		{`listen = "8072"` + "\n" + `names = ["a"]`, nil, "is no HOST:PORT"},
		{`listen = ":0"` + "\n" + `names = ["a"]`, nil, "is no HOST:PORT"},
		{`names = ["a:1"]`, nil, "without ports"},
		{`url = "nats://a"` + "\n" + `credentials = "x"`, nil, "does not begin with tls://"},
		{`url = "tls://"` + "\n" + `credentials = "x"`, nil, "is no list of nodes"},
		{`url = "tls://me:secret@a"` + "\n" + `credentials = "x"`, nil, "is no list of nodes"},
		{`url = "tls://a"` + "\n" + `ca = "y"`, nil, "aptfleet.toml:4: bus.url: credentials does not say which keys the cluster trusts"},
		{`url = "tls://a"` + "\n" + `credentials = "x"`, nil, "aptfleet.toml:4: bus.url: ca does not say of which authority"},
		{`credentials = "x"`, nil, "no url"},
		{`url = "tls://a"` + "\n" + `credentials = "x"` + "\n" + `listen = ":1"` + "\n" + `names = ["a"]`, nil, "agents connect to the nodes of url"},
		{`tls_cert = "x"`, nil, "go together"},
		{`tls_cert = "x"` + "\n" + `tls_key = "x"`, nil, "by which authority"},
		{`port = 1`, nil, "bus.port"},
	} {
		c, err := Parse("aptfleet.toml", []byte("inventory = \"i\"\nstate = \"s\"\n[bus]\n"+tt.text+"\n"))
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v, want %s", tt.text, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		} else if diff := cmp.Diff(tt.agents, c.Bus.Agents()); diff != "" {
			t.Errorf("%s:\n%s", tt.text, diff)
		}
	}
}
