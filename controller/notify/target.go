package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Target is one place to tell. It has one of Webhook, Mail and Command.
type Target struct {
	Name    string // of its place in the journal: another name is another target
	On      []On   // none is all
	Webhook *Webhook
	Mail    *Mail
	Command Command
}

// sender is a way to tell.
type sender interface {
	Validate() error
	send(ctx context.Context, n Notice) error
}

// Validate reports what of the target can't be meant.
func (t Target) Validate() error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if t.Name == "" || len(t.Name) > 64 || strings.Trim(t.Name, letters) != "" {
		return fmt.Errorf("the name %q is empty, long, or has others than letters, digits, - and _", t.Name)
	}
	ways := t.ways()
	if len(ways) != 1 {
		return errors.New("it has one of webhook, mail and command")
	}
	return ways[0].Validate()
}

func (t Target) ways() []sender {
	var ways []sender
	if t.Webhook != nil {
		ways = append(ways, t.Webhook)
	}
	if t.Mail != nil {
		ways = append(ways, t.Mail)
	}
	if t.Command != nil {
		ways = append(ways, t.Command)
	}
	return ways
}

// wants reports whether the target is told of on.
func (t Target) wants(on On) bool { return len(t.On) == 0 || slices.Contains(t.On, on) }
