// Package simagent plays the agents of thousands of hosts in one process: each is a
// real connection to a controller's door, with a key of its own, and reports what
// a host would that is well. They look at nothing.
package simagent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"golang.org/x/sync/errgroup"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/reports"
	"github.com/aptfleet/aptfleet/inventory"
)

// Fleet is the agents of one controller. It is JSON between the process that
// enrolls them and the one that plays them.
type Fleet struct {
	CA     []byte // the authority of the controller's door
	Agents []Agent
}

// Enroll makes the keys of agents and lets them in, as "aptfleet enroll" does
// without their hosts: sim-00000 and so on.
func Enroll(ctx context.Context, b *bus.Bus, state string, count int) (f *Fleet, err error) {
	f = &Fleet{Agents: make([]Agent, count)}
	if f.CA, err = bus.Authority(state); err != nil {
		return nil, err
	}
	register, err := reports.OpenRegister(ctx, b)
	if err != nil {
		return nil, err
	}
	var g errgroup.Group
	g.SetLimit(16)
	for i := range f.Agents {
		g.Go(func() (err error) {
			f.Agents[i], err = enroll(ctx, b, register, fmt.Sprintf("sim-%05d", i))
			return err
		})
	}
	return f, g.Wait()
}

func enroll(ctx context.Context, b *bus.Bus, register *reports.Register, host string) (Agent, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return Agent{}, err
	}
	seed, seedErr := key.Seed()
	id, idErr := key.PublicKey()
	token, tokenErr := b.IssueToken(ctx, id, host)
	entry := reports.Enrolled{Host: inventory.HostName(host), Agent: id, At: time.Now(), By: "simagent"}
	return Agent{Host: host, Seed: string(seed), ID: id, Token: token}, errors.Join(seedErr, idErr, tokenErr, register.Enroll(ctx, entry))
}

// Connect connects all agents to a controller's door at an address, as real ones
// do, but for what options say.
func (f *Fleet) Connect(address string, options ...nats.Option) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(f.CA)
	secure := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
	var g errgroup.Group
	g.SetLimit(32)
	for i := range f.Agents {
		g.Go(func() error { return f.Agents[i].connect(address, secure, options) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("cannot connect: %w", err)
	}
	return nil
}

// Report sends a report of each host an interval, evenly spread, as jitter does,
// until ctx ends.
func (f *Fleet) Report(ctx context.Context, interval time.Duration) error {
	const turns = 100
	turn := time.NewTicker(interval / turns)
	defer turn.Stop()
	order := rand.Perm(len(f.Agents))
	for step := 0; ; step = (step + 1) % turns {
		select {
		case <-ctx.Done():
			return nil
		case <-turn.C:
		}
		for _, i := range order[step*len(order)/turns : (step+1)*len(order)/turns] {
			if err := f.Agents[i].report(); err != nil {
				return err
			}
		}
	}
}

// Close ends all connections.
func (f *Fleet) Close() {
	for i := range f.Agents {
		if conn := f.Agents[i].conn; conn != nil {
			conn.Close()
		}
	}
}
