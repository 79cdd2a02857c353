package main

import (
	"context"
	"fmt"
)

// subject is one thing that can be measured by name.
type subject struct {
	name  string
	run   func(ctx context.Context, b *bench) error
	named bool // it takes so long that it is measured only where it is named
}

// subjects are all there are, in the order in which they run.
var subjects = []subject{
	{name: "floor", run: floor},
	{name: "ping", run: ping},
	{name: "knownhosts", run: knownhosts},
	{name: "deb", run: deb},
	{name: "publish", run: publish},
	{name: "clients", run: clients},
	{name: "jobs", run: jobs},
	{name: "plan", run: plan},
	{name: "rollout", run: rollout},
	{name: "hostcost", run: hostcost},
	{name: "agent", run: agent},
	{name: "agenthour", run: agentHour, named: true},
	{name: "stop", run: stop},
	{name: "reports", run: reports},
	{name: "journal", run: journal},
	{name: "takeover", run: takeover},
}

// choose returns the named subjects; without a name all but those that have to be
// named.
func choose(names []string) ([]subject, error) {
	var chosen []subject
	for _, s := range subjects {
		if len(names) == 0 && !s.named {
			chosen = append(chosen, s)
		}
	}
	for _, name := range names {
		s, err := find(name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

func find(name string) (subject, error) {
	var known []string
	for _, s := range subjects {
		if s.name == name {
			return s, nil
		}
		known = append(known, s.name)
	}
	return subject{}, fmt.Errorf("no subject %q: there are %q", name, known)
}
