package lab

import (
	"context"
	"os/exec"
)

// Host is one host of a lab. Its methods may be called at any time and from
// several goroutines, but power is turned on and off by one at a time.
type Host interface {
	Name() string    // as the inventory calls it, and the host itself
	Address() string // IP address of its SSH server
	Port() int       // TCP port of its SSH server
	Suite() string   // Debian suite whose apt and dpkg it has

	// Path returns where a file of the host's disk lies on this machine, for
	// tests that look or meddle. What is not on disk (/run, /proc) is not there.
	Path(name string) string
	// Command prepares a command on the host as root, not through SSH. Ending
	// ctx kills what stands between, and not the command on the host.
	Command(ctx context.Context, argv ...string) *exec.Cmd
	// Exec runs a command on the host as root, not through SSH, and returns
	// its standard output. The error of a command that fails has its standard
	// error, and is an *exec.ExitError to errors.As.
	Exec(ctx context.Context, argv ...string) ([]byte, error)

	// Cut takes the host off the network without a word: connections freeze
	// and new ones are not answered, until Mend or the next boot.
	Cut() error
	Mend() error
	// Reboot shuts the host down in order, boots it and returns when its SSH
	// server answers again.
	Reboot(ctx context.Context) error
	// PowerOff stops the host within an instant, as pulling its plug does;
	// PowerOn boots it again and returns when its SSH server answers.
	PowerOff() error
	PowerOn(ctx context.Context) error

	// ChangeHostKey gives the SSH server another key, as a host that was
	// installed anew has. The lab's known_hosts keeps the first one.
	ChangeHostKey(ctx context.Context) error
	// HoldDpkgLock holds the lock that apt takes before it changes anything,
	// by a process on the host with the name LockHolder, until release.
	HoldDpkgLock() (release func() error, err error)
	// FillDisk leaves no byte free on the host's disk, until FreeDisk. A host
	// without a disk of its own returns errors.ErrUnsupported; a booted host
	// has one where Options.Disk says so, a light host never.
	FillDisk() error
	FreeDisk() error
}
