package inventory

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func webs(n int) []Host {
	hosts := make([]Host, n)
	for i := range hosts {
		hosts[i].Name = HostName(fmt.Sprintf("web%03d", i))
	}
	return hosts
}

// TestApplyAll: ssh is asked for as many hosts at once as there are processors, the hosts
// stay in their order, and of several that cannot be used the first is named, and soon.
func TestApplyAll(t *testing.T) {
	const asking = 9 * time.Millisecond
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, tt := range []struct {
		name  string
		wrong map[string]time.Duration // hosts, and how long ssh takes to say so
		want  string
		took  time.Duration
	}{
		{"all", nil, "", 25 * asking},
		{"the first takes longest", map[string]time.Duration{"web001": 8 * asking, "web003": asking}, "web001: cannot read ssh_config: no", 8 * asking},
		{"the last", map[string]time.Duration{"web099": asking}, "web099: cannot read ssh_config: no", 25 * asking},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := &SSHConfig{options: func(host, _ string) (sshOptions, error) {
				if after, wrong := tt.wrong[host]; wrong {
					time.Sleep(after)
					return nil, errors.New("no")
				}
				time.Sleep(asking)
				return sshOptions{"hostname": {host + ".internal"}}, nil
			}}
			hosts, begun, said := webs(100), time.Now(), ""
			if err := c.ApplyAll(hosts); err != nil {
				said = err.Error()
			}
			if took := time.Since(begun); took != tt.took || said != tt.want {
				t.Errorf("%s: it took %v and returned %q, want %v and %q", tt.name, took, said, tt.took, tt.want)
			}
			if i := slices.IndexFunc(hosts, func(h Host) bool { return h.Address != string(h.Name)+".internal" }); tt.want == "" && i >= 0 {
				t.Errorf("%s: host %d is %+v", tt.name, i, hosts[i])
			}
		})
	}
}

// BenchmarkMatch has ssh asked for 100 hosts.
func BenchmarkMatch(b *testing.B) {
	dir := write(b, map[string]string{"config": "Match host web*\n  Port 7\n"})
	for b.Loop() {
		c, err := LoadSSHConfig(filepath.Join(dir, "config"))
		if err != nil {
			b.Fatal(err)
		}
		hosts := webs(100)
		if err := c.ApplyAll(hosts); err != nil || hosts[99].Port != 7 {
			b.Fatal(hosts[99], err)
		}
	}
}
