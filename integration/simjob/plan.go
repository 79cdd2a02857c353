package simjob

import (
	"fmt"
	"io"
	"strings"

	"github.com/aptfleet/aptfleet/integration/simhost"
)

// plan answers hostjob's plan script: what of the spec would change on a host,
// each package of a thousand bytes and as many KiB installed. Hosts with fault
// Fail find out only in the job; those with fault Lock have a holder.
func (p *Player) plan(c simhost.Command, spec string) {
	var simulated, touched, offers strings.Builder
	wanted, _ := p.targets(spec)
	for _, name := range sorted(wanted) {
		version, is := wanted[name], p.Debian.Installed(c.Host, name)
		if version == is {
			continue
		}
		old := ""
		if is != "" {
			old = " [" + is + "]"
			fmt.Fprintf(&touched, "touched %s|ii |%s|all|1000\n", name, is)
		}
		fmt.Fprintf(&simulated, "simulated Inst %s%s (%s Sim:stable [all])\nsimulated Conf %s (%s Sim:stable [all])\n", name, old, version, name, version)
		fmt.Fprintf(&offers, "offer Package: %s\noffer Version: %s\noffer Architecture: all\noffer Size: 1000\noffer Installed-Size: 1000\noffer\n", name, version)
	}
	for _, name := range absent(spec) {
		if is := p.Debian.Installed(c.Host, name); is != "" {
			fmt.Fprintf(&simulated, "simulated Remv %s [%s]\n", name, is)
			fmt.Fprintf(&touched, "touched %s|ii |%s|all|1000\n", name, is)
		}
	}
	lock := ""
	if c.Fault == simhost.Lock {
		lock = "lock 4711 apt-get\n"
	}
	io.WriteString(c.Stdout, "aptfleet-plan 0\nsources ours\n"+simulated.String()+touched.String()+offers.String()+
		"disk system 8000000 /\ndisk archives 8000000 /\n"+lock+"end\n") // lost if the client is gone
}

// is reports whether a spec has a mode.
func is(spec, mode string) bool { return strings.Contains("\n"+spec, "\nmode "+mode+"\n") }
