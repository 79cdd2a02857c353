package lab

import (
	"fmt"
	"os/user"
	"strings"
)

// Inventory returns the text of an inventory.toml with every host of the lab
// in one group, and all that is needed to log in to them and become root.
func (l *Lab) Inventory(group string) string {
	names := make([]string, len(l.hosts))
	for i, h := range l.hosts {
		names[i] = fmt.Sprintf("%q", h.Name())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[defaults]\nuser = %q\nidentity = %q\nknown_hosts = [%q]\nbecome = %q\n\n",
		l.User(), l.Identity(), l.KnownHosts(), l.fleet.become())
	fmt.Fprintf(&b, "[groups.%s]\nhosts = [%s]\n", group, strings.Join(names, ", "))
	for _, h := range l.hosts {
		fmt.Fprintf(&b, "\n[hosts.%q]\naddress = %q\nport = %d\n", h.Name(), h.Address(), h.Port())
	}
	return b.String()
}

// User returns the account to log in to: deploy on booted hosts, which may
// sudo without a password (nosudo may not, and root may log in as well);
// on light hosts the account that runs this process.
func (l *Lab) User() string {
	if l.kind == Booted {
		return "deploy"
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "root"
}
