// Package lab gives tests, benchmarks and the demo a fleet of hosts on the
// machine they run on.
//
// There are two kinds of host behind one interface. Booted hosts are real: a
// Debian root with systemd, sshd, apt and dpkg, booted by systemd-nspawn on a
// bridge of the lab's own, each an overlay over a root that mmdebstrap makes
// once and the lab keeps in its cache. They need root and the right to mount.
// Light hosts need neither: an SSH server in this process answers on loopback
// and runs what it is told with the machine's own apt and dpkg, in a private
// folder instead of the root. Which kind a lab took, and why, it says itself.
//
// Several labs live at once on a machine. What a lab leaves behind that dies
// without Close is cleaned up by the next Start of a booted lab.
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"
)

// Options says what a lab is to be. The zero value is one Debian 12 host of
// the best kind that the machine can have.
type Options struct {
	Count  int       // hosts; 0 is 1
	Suites []string  // Debian suites, taken by the hosts in turn; empty is bookworm
	Kind   Kind      // AnyKind asks APTFLEET_LAB (booted or light), then tries
	PAM    bool      // logins through PAM and logind, as a full Debian has them
	Disk   int64     // bytes of disk a booted host has of its own; 0 is the machine's disk
	Log    io.Writer // what Start is doing, in lines; nil is silence
}

func (o Options) withDefaults() Options {
	if o.Count == 0 {
		o.Count = 1
	}
	if len(o.Suites) == 0 {
		o.Suites = []string{Bookworm}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o
}

// Validate names the option that no lab can have.
func (o Options) Validate() error {
	if o.Count < 0 || o.Count > maxHosts {
		return fmt.Errorf("cannot start a lab: Count is %d, want 1 to %d", o.Count, maxHosts)
	}
	for _, s := range o.Suites {
		if !slices.Contains([]string{Bookworm, Trixie}, s) {
			return fmt.Errorf("cannot start a lab: suite %q, want %s or %s", s, Bookworm, Trixie)
		}
	}
	k, _ := wantedKind(o)
	return k.validate()
}

// Lab is a running fleet.
type Lab struct {
	kind   Kind
	reason string
	fleet  fleet
	keys   *keys
	hosts  []Host
}

// fleet is what a kind of host adds to a Lab.
type fleet interface {
	folder() string // what is in it goes with the fleet, also when its process is killed
	start(ctx context.Context, o Options, k *keys) ([]Host, error)
	listenAddress() string // where hosts reach servers of this process
	become() string        // how the inventory says to become root
	close() error          // ends every host and removes what it had
}

// Start boots a lab and returns when every host of it can be logged in to. The
// lab is the caller's to Close.
func Start(ctx context.Context, o Options) (*Lab, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	l := &Lab{}
	if err := l.start(ctx, o); err != nil {
		return nil, fmt.Errorf("cannot start a lab: %w", errors.Join(err, l.Close()))
	}
	return l, nil
}

// start starts hosts of the kind that is wanted or can be had. What it began
// is in l also when there is an error.
func (l *Lab) start(ctx context.Context, o Options) error {
	if l.kind, l.reason = wantedKind(o); l.kind != Light {
		f, err := openBooted(ctx, o)
		if err == nil {
			l.kind = Booted
			return l.run(ctx, o, f)
		}
		if l.kind == Booted {
			return err
		}
		l.kind, l.reason = Light, "hosts cannot be booted here: "+err.Error()
	}
	f, err := openLight()
	if err != nil {
		return err
	}
	return l.run(ctx, o, f)
}

// run starts the hosts of f.
func (l *Lab) run(ctx context.Context, o Options, f fleet) (err error) {
	l.fleet = f
	fmt.Fprintf(o.Log, "lab: %d %s hosts: %s\n", o.Count, l.kind, l.reason)
	if l.keys, err = newKeys(f.folder()); err != nil {
		return err
	}
	l.hosts, err = f.start(ctx, o, l.keys)
	return err
}

// ForTest starts a lab for t, and closes it when t ends, however it ends. It
// fails t where the lab cannot start, and logs the kind it took and why.
func ForTest(t testing.TB, o Options) *Lab {
	t.Helper()
	// A first lab of a suite waits until the root is made.
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	l, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("lab: %s hosts: %s", l.Kind(), l.Reason())
	return l
}

// Kind says which kind the hosts are of.
func (l *Lab) Kind() Kind { return l.kind }

// Reason says in words why the lab took this kind.
func (l *Lab) Reason() string { return l.reason }

// Hosts returns the hosts, in the order of the inventory.
func (l *Lab) Hosts() []Host { return slices.Clone(l.hosts) }

// ListenAddress returns the IP address of this process as the hosts reach it:
// the bridge's, or loopback. A repository that hosts read listens there.
func (l *Lab) ListenAddress() string { return l.fleet.listenAddress() }

// Close ends every host at once, as a power cut would, and removes all that
// the lab made but the cached roots. It may be called again.
func (l *Lab) Close() error {
	if l.fleet == nil { // it never started
		return nil
	}
	if err := l.fleet.close(); err != nil {
		return fmt.Errorf("cannot close the lab: %w", err)
	}
	return nil
}
