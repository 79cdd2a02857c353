package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"golang.org/x/sync/errgroup"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// interval is that between two reports of a host, as agents have it.
const interval = 10 * time.Second

// fleet is all agents, until ctx ends.
func fleet(ctx context.Context, folder string) error {
	data, err := os.ReadFile(filepath.Join(folder, playedName))
	if err != nil {
		return err
	}
	var p played
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.CA)
	secure := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
	conns := make([]*nats.Conn, len(p.Agents))
	var g errgroup.Group
	g.SetLimit(32)
	for i, a := range p.Agents {
		g.Go(func() (err error) {
			conns[i], err = a.connect(p.Address, secure)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("cannot connect: %w", err)
	}
	fmt.Println("connected")
	return report(ctx, p.Agents, conns)
}

func (a playedAgent) connect(address string, secure *tls.Config) (*nats.Conn, error) {
	key, err := nkeys.FromSeed([]byte(a.Seed))
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect("tls://"+address, nats.Secure(secure), nats.Name("aptfleet-agent"), nats.Timeout(time.Minute),
		nats.PingInterval(15*time.Second), nats.UserJWT(func() (string, error) { return a.Token, nil }, key.Sign))
	if err != nil {
		return nil, err
	}
	_, err = conn.Subscribe(bus.AskSubject(a.ID), func(*nats.Msg) {})
	return conn, err
}

// report sends a report of each host an interval, evenly spread, as jitter does.
func report(ctx context.Context, agents []playedAgent, conns []*nats.Conn) error {
	turn := time.NewTicker(interval / time.Duration(100))
	defer turn.Stop()
	order := rand.Perm(len(agents))
	for step := 0; ; step = (step + 1) % 100 {
		select {
		case <-ctx.Done():
			return nil
		case <-turn.C:
		}
		for _, i := range order[step*len(order)/100 : (step+1)*len(order)/100] {
			data, err := well().Encode()
			if err == nil {
				err = conns[i].Publish(bus.ReportSubject(agents[i].ID), data)
			}
			if err != nil {
				return err
			}
		}
	}
}

// well is the report of a host with ten probes that is well.
func well() *health.Report {
	r := &health.Report{Boot: "1b4e28ba-2fa1-11d2-883f-0016d3cca427", At: time.Now(), Packages: map[string]string{"shop-web": "1.2.3-1", "nginx": "1.22.1-9+deb12u3"}}
	for i := range 10 {
		r.Results = append(r.Results, health.Result{Probe: fmt.Sprintf("unit shop-web@%d.service", i), OK: true, Since: r.At.Add(-time.Hour), Output: "is active (running)"})
	}
	return r
}
