package integration

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/integration/simagent"
)

// TestNewerAgent: a host whose agent is newer than the controller is not just
// silent, it is said why.
func TestNewerAgent(t *testing.T) {
	t.Parallel()
	f := newFleet(t, lab.Options{Kind: lab.Light})
	agents, door := f.reported(2)
	f.daemon()
	f.sends(agents, 0, door, `{"version":99,"mood":"new"}`)
	until(t, "it is said why", func() bool {
		hosts := f.run("health", "sim").health(t)
		first, second := hosts["sim-00000"], hosts["sim-00001"]
		return first.State == "silent" && strings.Contains(first.Trouble, "it has version 99, and this program reads up to ") &&
			second.State == "silent" && strings.Contains(second.Trouble, "has not reported")
	})
}

// sends connects as one of a fleet's agents, and sends what it likes as a report.
func (f *fleet) sends(agents *simagent.Fleet, i int, door, what string) {
	f.t.Helper()
	a := agents.Agents[i]
	key, err := nkeys.FromSeed([]byte(a.Seed))
	f.must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(agents.CA)
	conn, err := nats.Connect("tls://"+door, nats.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}),
		nats.UserJWT(func() (string, error) { return a.Token, nil }, key.Sign))
	f.must(err)
	f.t.Cleanup(conn.Close)
	f.must(conn.Publish(bus.ReportSubject(a.ID), []byte(what)))
	f.must(conn.Flush())
}
