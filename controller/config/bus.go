package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// Bus says where the bus is: in this process, listening to agents or not,
// or on a cluster elsewhere.
type Bus struct {
	Listen  string   // HOST:PORT for agents; "" is none
	Names   []string // of this machine, by which agents reach it
	TLSCert string   // files of the listener's certificate and its key; "" is one of our own authority
	TLSKey  string

	URL         []string // of an external cluster's nodes; none is in this process
	Credentials string   // file of the cluster's keys
	CA          string   // file of the authority that agents and controllers trust; "" is our own, and a cluster has one
}

// Agents returns where agents find the bus; there are none without Listen or URL.
func (b Bus) Agents() []string {
	if len(b.URL) > 0 {
		return b.URL
	}
	if b.Listen == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(b.Listen)
	if err != nil {
		return nil // it was validated
	}
	servers := make([]string, len(b.Names))
	for i, name := range b.Names {
		servers[i] = "tls://" + net.JoinHostPort(name, port)
	}
	return servers
}

type busTable struct {
	Listen      string   `toml:"listen"`
	Names       []string `toml:"names"`
	TLSCert     string   `toml:"tls_cert"`
	TLSKey      string   `toml:"tls_key"`
	URL         string   `toml:"url"`
	Credentials string   `toml:"credentials"`
	CA          string   `toml:"ca"`
}

func (t *busTable) resolve(source *tomlfile.File) Bus {
	path := func(p string) string {
		if p == "" {
			return ""
		}
		return source.Path(p)
	}
	nodes, _ := t.nodes() // it was validated
	return Bus{
		Listen: t.Listen, Names: t.Names, TLSCert: path(t.TLSCert), TLSKey: path(t.TLSKey),
		URL: nodes, Credentials: path(t.Credentials), CA: path(t.CA),
	}
}

// nodes splits the address of a cluster, tls://A,B,C, into those of its nodes.
func (t *busTable) nodes() ([]string, error) {
	if t.URL == "" {
		return nil, nil
	}
	list, ok := strings.CutPrefix(t.URL, "tls://")
	if !ok {
		return nil, fmt.Errorf("%q does not begin with tls://", t.URL)
	}
	var nodes []string
	for _, node := range strings.Split(list, ",") {
		node = "tls://" + strings.TrimPrefix(strings.TrimSpace(node), "tls://")
		u, err := url.Parse(node)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("%q is no list of nodes such as \"tls://a.example.com:4222,b.example.com:4222\"", t.URL)
		}
		if u.Port() == "" {
			node += ":4222"
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

func (t *busTable) validate(source *tomlfile.File) error {
	var errs []error
	check := func(wrong bool, key, format string, args ...any) {
		if wrong {
			errs = append(errs, source.Errorf(tomlfile.Key{"bus", key}, format, args...))
		}
	}
	_, err := t.nodes()
	check(err != nil, "url", "%w", err)
	check(t.URL != "" && t.Listen != "", "listen", "agents connect to the nodes of url: only a bus of one's own listens to them")
	check(t.URL != "" && t.Credentials == "", "url", "credentials does not say which keys the cluster trusts: it is the secrets.json that \"aptfleet cluster\" wrote")
	check(t.URL != "" && t.CA == "", "url", "ca does not say of which authority the nodes' certificates are: it is the ca.pem that \"aptfleet cluster\" wrote")
	check(t.URL == "" && t.Credentials != "", "credentials", "there is no url that it would be for")
	check(t.Listen != "" && validateListen(t.Listen) != nil, "listen", "%w", validateListen(t.Listen))
	check(t.Listen != "" && len(t.Names) == 0, "listen", "names does not say by which names agents reach it")
	check(slices.ContainsFunc(t.Names, func(name string) bool { return validateBusName(name) != nil }), "names", "want names or addresses without ports")
	check((t.TLSCert == "") != (t.TLSKey == ""), "tls_cert", "a certificate and its key go together: tls_cert and tls_key")
	check(t.TLSCert != "" && t.CA == "", "tls_cert", "ca does not say by which authority agents know it")
	return errors.Join(errs...)
}

// validateListen takes HOST:PORT, also without a host.
func validateListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil && (port == "" || port == "0" || strings.Trim(port, "0123456789") != "") {
		err = fmt.Errorf("port %q is none", port)
	}
	if err != nil {
		return fmt.Errorf("%q is no HOST:PORT: %w", address, err)
	}
	return nil
}

func validateBusName(name string) error {
	if net.ParseIP(name) == nil && (name == "" || strings.ContainsAny(name, ":/ *\t\n")) {
		return fmt.Errorf("%q is no name", name)
	}
	return nil
}
