package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
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
	if err := p.Fleet.Connect(p.Address); err != nil {
		return err
	}
	fmt.Println("connected")
	return p.Fleet.Report(ctx, interval)
}
