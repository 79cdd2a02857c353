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

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/reports"
	"github.com/aptfleet/aptfleet/integration/simagent"
)

// played is what the fleet is given.
type played struct {
	Address string
	Fleet   *simagent.Fleet
}

const playedName = "fleet.json"

// controller listens until its input ends.
func controller(ctx context.Context, folder string, count int) (err error) {
	debug.SetGCPercent(bus.Garbage) // as "aptfleet serve" does
	state := filepath.Join(folder, "state")
	b, err := bus.Open(ctx, bus.Options{State: state, Listen: &bus.Listen{Address: "127.0.0.1:0"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := invite(ctx, b, folder, state, count); err != nil {
		return err
	}
	all, err := reports.Open(ctx, b, slog.Default())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.Close()) }()
	debug.FreeOSMemory() // what enrolling took is not the connections'
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	fmt.Println(ages(all.Snapshot()))
	return nil
}

// invite enrolls the fleet, and leaves it what it needs.
func invite(ctx context.Context, b *bus.Bus, folder, state string, count int) error {
	agents, err := simagent.Enroll(ctx, b, state, count)
	if err != nil {
		return err
	}
	data, err := json.Marshal(played{b.Address().String(), agents})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, playedName), data, 0o600)
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
