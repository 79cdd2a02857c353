package main

import (
	"context"
	"fmt"
)

// subject is one thing that can be measured by name.
type subject struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

// subjects are all there are, in the order in which they run.
var subjects = []subject{
	{"floor", floor},
	{"ping", ping},
	{"knownhosts", knownhosts},
	{"deb", deb},
	{"publish", publish},
	{"clients", clients},
	{"jobs", jobs},
	{"plan", plan},
	{"rollout", rollout},
	{"hostcost", hostcost},
	{"agent", agent},
	{"stop", stop},
	{"reports", reports},
	{"journal", journal},
	{"takeover", takeover},
}

// choose returns the named subjects, or all without a name.
func choose(names []string) ([]subject, error) {
	if len(names) == 0 {
		return subjects, nil
	}
	var chosen []subject
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
