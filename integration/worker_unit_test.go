package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/packaging/deb"
)

// TestWorkerUnit installs the package on a host and has its unit lend hands there: it
// is up once tasks can come, does a host by the keys of its own user, can be reloaded,
// and ends when it is asked to.
func TestWorkerUnit(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: 2, Suites: []string{lab.Bookworm}})
	c := newCluster(t)
	c.join(f)
	h := f.host(1)
	f.put(h, "/var/cache/aptfleet.deb", f.packaged())
	f.exec(h, "dpkg", "-i", "/var/cache/aptfleet.deb")
	f.furnishWorker(h, c)
	f.forward(h, c)
	f.exec(h, "systemctl", "start", "aptfleet-worker.service")
	if end := f.do("rollout", "shop=1.0", "--to", f.host(2).Name(), "--yes").end(t); end.Summary["done"] != 1 {
		t.Errorf("the rollout ended as %+v", end)
	}
	said := func() string {
		return f.exec(h, "journalctl", "--unit", "aptfleet-worker.service", "--output", "cat")
	}
	if did := "host=" + f.host(2).Name() + " step=apt verb=do verdict=done"; !strings.Contains(said(), did) {
		t.Errorf("the worker does not say %q:\n%s", did, said())
	}
	f.exec(h, "systemctl", "reload", "aptfleet-worker.service")
	until(t, "the worker reads its configuration again", func() bool { return strings.Contains(said(), "the configuration was read again") })
	const show = "systemctl show --value -p User -p ActiveState -p Result -p NRestarts aptfleet-worker.service | sort | tr '\\n' ' '"
	if got := f.exec(h, "sh", "-c", show); got != "0 active aptfleet success " {
		t.Errorf("the unit is %q", got)
	}
	f.exec(h, "systemctl", "stop", "aptfleet-worker.service")
	if got := f.exec(h, "sh", "-c", show); got != "0 aptfleet inactive success " {
		t.Errorf("stopped, the unit is %q:\n%s", got, said())
	}
}

// packaged returns the content of aptfleet's own package, without what is only read.
func (f *fleet) packaged() string {
	f.t.Helper()
	r, err := deb.LoadRecipe("../packaging/self/aptfleet.toml")
	f.must(err)
	r.Files = slices.DeleteFunc(r.Files, func(file deb.File) bool { return file.Dst != "/usr/bin/" })
	r.Files[0].Src = f.programFile()
	path, err := r.Build(f.t.Context(), f.t.TempDir())
	f.must(err)
	data, err := os.ReadFile(path)
	f.must(err)
	return string(data)
}

// furnishWorker gives a host the configuration of a worker, whose user may read it.
func (f *fleet) furnishWorker(h lab.Host, c *cluster) {
	f.t.Helper()
	const folder = "/etc/aptfleet"
	other := f.secondController()
	config, err := os.ReadFile(other.path("aptfleet.toml"))
	f.must(err)
	inventory, settings := f.lab.Inventory(group), c.Settings()
	place := c.Place()
	for _, file := range []string{f.lab.Identity(), f.lab.KnownHosts(), place.Credentials, place.CA} {
		data, err := os.ReadFile(file)
		f.must(err)
		there := filepath.Join(folder, filepath.Base(file))
		f.put(h, there, string(data))
		inventory = strings.ReplaceAll(inventory, file, there)
		settings = strings.ReplaceAll(settings, file, there)
	}
	for _, plan := range c.Plans { // the nodes are on the loopback here, and forwarded to the host's
		settings = strings.ReplaceAll(settings, plan.Name+":", "127.0.0.1:")
	}
	f.put(h, filepath.Join(folder, "inventory.toml"), inventory)
	f.put(h, filepath.Join(folder, "aptfleet.toml"), strings.ReplaceAll(string(config), other.path("state"), "/var/lib/aptfleet")+settings)
	f.exec(h, "chown", "-R", "aptfleet:aptfleet", folder)
	f.exec(h, "chmod", "-R", "u=rX,go=", folder)
}

// forward has a host reach the cluster, whose nodes listen on this machine's loopback.
func (f *fleet) forward(h lab.Host, c *cluster) {
	f.t.Helper()
	argv := []string{"-N", "-F", "none", "-i", f.lab.Identity(), "-o", "UserKnownHostsFile=" + f.lab.KnownHosts(), "-o", "ExitOnForwardFailure=yes", "-v"}
	for _, plan := range c.Plans {
		_, port, _ := strings.Cut(strings.TrimPrefix(plan.URL(), "tls://"), ":")
		argv = append(argv, "-R", "127.0.0.1:"+port+":"+plan.Name+":"+port)
	}
	p := f.launch(exec.Command("ssh", append(argv, "root@"+h.Address())...))
	p.says(f, "all expected forwarding replies received|All remote forwarding requests processed")
}
