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
	senders := t.senders()
	if len(senders) != 1 {
		return errors.New("it has one of webhook, mail and command")
	}
	return senders[0].Validate()
}

func (t Target) senders() []sender {
	var senders []sender
	if t.Webhook != nil {
		senders = append(senders, t.Webhook)
	}
	if t.Mail != nil {
		senders = append(senders, t.Mail)
	}
	if t.Command != nil {
		senders = append(senders, t.Command)
	}
	return senders
}

// wants reports whether the target is told of on.
func (t Target) wants(on On) bool { return len(t.On) == 0 || slices.Contains(t.On, on) }
