package bus

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// NodePlan is where one node of a cluster is to be.
type NodePlan struct {
	Name   string // of the machine, by which the others, controllers and agents reach it
	Client int    // port for controllers and agents; 0 is 4222
	Route  int    // port for the other nodes; 0 is 6222
	Folder string // of its configuration and certificate, on its machine; "" is /etc/nats
	Store  string // of its messages, on its machine; "" is /var/lib/nats
}

func (p NodePlan) withDefaults() NodePlan {
	if p.Client == 0 {
		p.Client = 4222
	}
	if p.Route == 0 {
		p.Route = 6222
	}
	if p.Folder == "" {
		p.Folder = "/etc/nats"
	}
	if p.Store == "" {
		p.Store = "/var/lib/nats"
	}
	return p
}

func (p NodePlan) route() string { return "tls://" + net.JoinHostPort(p.Name, strconv.Itoa(p.Route)) }

// URL returns where controllers and agents reach the node.
func (p NodePlan) URL() string {
	p = p.withDefaults()
	return "tls://" + net.JoinHostPort(p.Name, strconv.Itoa(p.Client))
}

// WriteNodes writes to the folder out what a cluster needs that trusts the keys
// of the installation in state: for each node NAME/nats-server.conf and
// NAME/server.pem, for controllers secrets.json, and ca.pem. What is there
// already is an error. A journal is not moved.
func WriteNodes(state, out string, plans []NodePlan) error {
	folder := filepath.Join(state, folderName)
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.MkdirAll(out, 0o700)); err != nil {
		return fmt.Errorf("cannot write the cluster's files: %w", err)
	}
	s, err := ownSecrets(filepath.Join(folder, SecretsName))
	if err != nil {
		return err
	}
	a, err := ownAuthority(filepath.Join(folder, authorityName))
	if err != nil {
		return err
	}
	for i := range plans {
		plans[i] = plans[i].withDefaults()
	}
	errs := []error{s.store(filepath.Join(out, SecretsName)), writeSecret(filepath.Join(out, "ca.pem"), a.PEM())}
	for _, p := range plans {
		errs = append(errs, s.writeNode(filepath.Join(out, p.Name), a, p, plans))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot write the cluster's files: %w", err)
	}
	return nil
}

// writeNode writes the files of one node.
func (s *secrets) writeNode(out string, a *authority, p NodePlan, all []NodePlan) error {
	if err := os.MkdirAll(out, 0o700); err != nil {
		return err
	}
	pair, err := a.issue([]string{p.Name, "localhost", "127.0.0.1"}, authorityLife)
	if err != nil {
		return err
	}
	config, err := s.nodeConfig(p, all)
	if err != nil {
		return err
	}
	return errors.Join(
		writeSecret(filepath.Join(out, "server.pem"), pair),
		writeSecret(filepath.Join(out, "ca.pem"), a.PEM()),
		writeSecret(filepath.Join(out, "nats-server.conf"), config),
	)
}

// nodeConfig returns the configuration of one node.
func (s *secrets) nodeConfig(p NodePlan, all []NodePlan) ([]byte, error) {
	_, operator, operatorErr := s.operatorClaims()
	system, systemErr := s.systemClaims()
	account, accountErr := s.accountClaims(nil)
	if err := errors.Join(operatorErr, systemErr, accountErr); err != nil {
		return nil, err
	}
	routes := make([]string, len(all))
	for i, other := range all {
		routes[i] = strconv.Quote(other.route())
	}
	in := func(name string) string { return strconv.Quote(filepath.Join(p.Folder, name)) }
	return fmt.Appendf(nil, nodeConfig, p.Name, p.Client, in("server.pem"), in("server.pem"), in("ca.pem"), handshakeTimeout, handshakeTimeout,
		maxConnections, maxPayload, p.Route, strings.Join(routes, ", "), in("server.pem"), in("server.pem"), in("ca.pem"), handshakeTimeout,
		strconv.Quote(p.Store), operator, public(s.system), strconv.Quote(filepath.Join(p.Store, "accounts")),
		public(s.account), account, public(s.system), system), nil
}

const nodeConfig = `# Written by "aptfleet cluster". The service needs LimitNOFILE=1048576.
server_name: %q
listen: "0.0.0.0:%d"
tls {
  cert_file: %s
  key_file: %s
  ca_file: %s
  timeout: %d
}
authorization { timeout: %d }
max_connections: %d
max_payload: %d

cluster {
  name: aptfleet
  listen: "0.0.0.0:%d"
  routes: [%s]
  tls {
    cert_file: %s
    key_file: %s
    ca_file: %s
    timeout: %d
  }
}

# What is acknowledged is on the disk. aptfleet refuses a cluster without this.
jetstream {
  store_dir: %s
  sync_interval: always
}

operator: %q
system_account: %q
resolver {
  type: full
  dir: %s
  interval: "2m"
}
resolver_preload: {
  %s: %q
  %s: %q
}
`
