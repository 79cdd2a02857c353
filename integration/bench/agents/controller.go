package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/nats-io/nkeys"
	"golang.org/x/sync/errgroup"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/reports"
	"github.com/aptfleet/aptfleet/inventory"
)

// played is what the fleet is given.
type played struct {
	Address string
	CA      []byte
	Agents  []playedAgent
}

type playedAgent struct{ Seed, ID, Token string }

const playedName = "fleet.json"

// controller listens until its input ends.
func controller(ctx context.Context, folder string, count int) (err error) {
	debug.SetGCPercent(gcPercent)
	state := filepath.Join(folder, "state")
	b, err := bus.Open(ctx, bus.Options{State: state, Listen: &bus.Listen{Address: "127.0.0.1:0"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	p := played{Address: b.Address().String(), Agents: make([]playedAgent, count)}
	if p.CA, err = bus.Authority(state); err != nil {
		return err
	}
	if err := p.enroll(ctx, b); err != nil {
		return err
	}
	all, err := reports.Open(ctx, b, slog.Default())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.Close()) }()
	data, err := json.Marshal(p)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, playedName), data, 0o600)
	}
	if err != nil {
		return err
	}
	p.Agents, data = nil, nil
	debug.FreeOSMemory() // what enrolling took is not the connections'
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	fmt.Println(ages(all.Snapshot()))
	return nil
}

// gcPercent is that of controller/cmd/aptfleet.
const gcPercent = 30

// enroll makes the keys of all agents and lets them in.
func (p *played) enroll(ctx context.Context, b *bus.Bus) error {
	register, err := reports.OpenRegister(ctx, b)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(16)
	for i := range p.Agents {
		g.Go(func() error {
			key, err := nkeys.CreateUser()
			if err != nil {
				return err
			}
			seed, seedErr := key.Seed()
			id, idErr := key.PublicKey()
			name := fmt.Sprintf("web-%05d", i)
			token, tokenErr := b.Admit(ctx, id, name)
			p.Agents[i] = playedAgent{string(seed), id, token}
			return errors.Join(seedErr, idErr, tokenErr, register.Enroll(ctx, reports.Enrolled{Host: inventory.HostName(name), Agent: id, At: time.Now(), By: "bench"}))
		})
	}
	return g.Wait()
}

// ages returns how many hosts reported, and how old, in milliseconds, the last
// report of 99 in 100 and of all was when it was there to be read.
func ages(all []reports.Last) string {
	var took []time.Duration
	for _, last := range all {
		if last.Report != nil {
			took = append(took, last.Report.Received.Sub(last.Report.At))
		}
	}
	if len(took) == 0 {
		return "0 0 0"
	}
	slices.Sort(took)
	return fmt.Sprintf("%d %.1f %.1f", len(took), milliseconds(took[(len(took)-1)*99/100]), milliseconds(took[len(took)-1]))
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
