package inventory

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/pkg/health"
)

const healthy = `
[defaults.health]
disk = [{ path = "/", min_free = "1GiB" }]

[groups.all_web]
groups = ["web"]
[groups.all_web.health]
units = ["ssh.service", "shop-web.service"]
tcp = [{ address = "127.0.0.1:8080", timeout = "1s" }]

[groups.web]
hosts = ["w1", "w2"]
[groups.web.health]
packages = ["shop-web"]
units    = ["shop-web.service"]
http     = [{ url = "http://127.0.0.1:8080/healthz", status = 200, contains = "{version:shop-web}" }]
tcp      = [{ address = "127.0.0.1:8080" }]
command  = [{ run = ["/bin/check", "all"], timeout = "20s" }]

[hosts.w2.health]
disk = [{ path = "/", min_free = "500MB" }, { path = "/srv", min_free = "1B" }]
memory = { min_available = "200MiB" }
clock = { max_skew = "2s" }

[hosts.alone]
groups = []
`

func TestHealth(t *testing.T) {
	inv, err := Parse("i.toml", []byte(healthy))
	if err != nil {
		t.Fatal(err)
	}
	root := health.Probe{Kind: health.Disk, Target: "/", MinFree: 1 << 30}
	check := health.NewCommand("/bin/check", "all")
	check.Timeout = 20 * time.Second
	web := []health.Probe{
		{Kind: health.HTTP, Target: "http://127.0.0.1:8080/healthz", Status: 200, Contains: "{version:shop-web}"},
		{Kind: health.Package, Target: "shop-web"},
		{Kind: health.TCP, Target: "127.0.0.1:8080"},
		{Kind: health.Unit, Target: "shop-web.service"},
		{Kind: health.Unit, Target: "ssh.service"},
	}
	w2 := []health.Probe{health.NewClock(2 * time.Second), check, {Kind: health.Disk, Target: "/", MinFree: 500e6}, {Kind: health.Disk, Target: "/srv", MinFree: 1}}
	for name, want := range map[HostName][]health.Probe{
		"w1":    append([]health.Probe{check, root}, web...),
		"w2":    slices.Concat(w2, web[:1], []health.Probe{health.NewMemory(200 << 20)}, web[1:]),
		"alone": {root},
	} {
		h, _ := inv.Host(name)
		if diff := cmp.Diff(want, h.Health); diff != "" {
			t.Errorf("%s is asked for\n%s", name, diff)
		}
	}
}

func TestHealthErrors(t *testing.T) {
	in := func(more string) string { return "[groups.web]\nhosts = [\"a\"]\n[groups.web.health]\n" + more }
	for _, tt := range []struct{ name, src, want string }{
		{"unknown kind", in("unit = [\"x.service\"]\n"), `i.toml:4: groups.web.health.unit: unknown key (did you mean "units"?)`},
		{"unknown key", in("http = [{ ulr = \"http://x/\" }]\n"), `i.toml:4: groups.web.health.http[0].ulr: unknown key (did you mean "url"?)`},
		{"no unit", in("units = [\n \"a.service\",\n \"b\",\n]\n"), `i.toml:6: groups.web.health.units[1]: "b" is no unit of systemd`},
		{"no URL", in("http = [{ status = 200 }]\n"), `i.toml:4: groups.web.health.http[0]: "" is no URL`},
		{"no size", in("disk = [{ path = \"/\", min_free = \"1G\" }]\n"), `i.toml:4: groups.web.health.disk[0].min_free: "1G" is no size such as "512MiB"`},
		{"no memory", in("memory = {}\n"), "i.toml:4: groups.web.health.memory: min_available must be more than 0"},
		{"a clock that is never wrong", in("[groups.web.health.clock]\nmax_skew = \"2h\"\n"), "i.toml:4: groups.web.health.clock: max_skew must be more than 0s and at most 1h0m0s, is 2h0m0s"},
		{"two clocks", in("clock = [{ max_skew = \"1s\" }]\n"), "i.toml:4: groups.web.health.clock: must be a table, is a list"},
		{"twice", in("tcp = [\n{ address = \"x:1\" },\n{ address = \"x:1\", timeout = \"1s\" }]\n"),
			"i.toml:6: groups.web.health.tcp[1]: tcp x:1 is on line 5 already"},
		{"groups that differ", in("disk = [{ path = \"/\", min_free = \"1GB\" }]\n[groups.db]\nhosts = [\"a\"]\n[groups.db.health]\ndisk = [{ path = \"/\", min_free = \"2GB\" }]\n"),
			"i.toml:8: groups.db.health.disk[0]: group web on line 4 says otherwise, and a is in both: decide in [hosts.a]"},
		{"too many", in("units = [" + strings.Repeat("\"%d.service\", ", 65) + "]\n"), "i.toml:3: groups.web.health: a is asked for 65 probes, and 64 are the most"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := 0; strings.Contains(tt.src, "%d"); i++ {
				tt.src = strings.Replace(tt.src, "%d", strconv.Itoa(i), 1)
			}
			_, err := Parse("i.toml", []byte(tt.src))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}
