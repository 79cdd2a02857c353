package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/config"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/inventory"
)

// installation is what commands work with: the configuration, and what it
// names, opened by whoever needs it.
type installation struct {
	*config.Config
	app     *app
	request *request // nil in a command that does its work itself
}

// with makes a command of what needs the configuration.
func (a *app) with(run func(*cobra.Command, []string, *installation) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		in, err := a.installation()
		if err != nil {
			return err
		}
		return run(cmd, args, in)
	}
}

// installation reads the configuration.
func (a *app) installation() (*installation, error) {
	path, err := config.Find(a.config)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	in := &installation{Config: cfg, app: a}
	return in, in.readSchedules()
}

// allHosts returns the hosts of the inventory, with what that leaves open filled in from
// ~/.ssh/config.
func (in *installation) allHosts() ([]inventory.Host, error) {
	inv, err := inventory.Load(in.Inventory)
	if err != nil {
		return nil, err
	}
	return filledIn(inv.Hosts())
}

// hosts is allHosts for those that a selector picks; "" picks all.
func (in *installation) hosts(ctx context.Context, selector string) ([]inventory.Host, error) {
	if selector == "" {
		return in.allHosts()
	}
	inv, err := inventory.Load(in.Inventory)
	if err != nil {
		return nil, err
	}
	hosts, err := inv.Select(selector, in.failedIn(ctx, inv))
	if _, told := errors.AsType[*exitError](err); err != nil && !told {
		err = &exitError{exitUsage, err}
	}
	if err != nil {
		return nil, err
	}
	return filledIn(hosts)
}

// filledIn fills in what the inventory leaves open of hosts.
func filledIn(hosts []inventory.Host) ([]inventory.Host, error) {
	ssh, err := sshConfig()
	if err != nil {
		return nil, err
	}
	if err := ssh.ApplyAll(hosts); err != nil {
		return nil, err
	}
	return hosts, nil
}

// sshConfig reads the ssh_config of the user and of the machine, where there are
// any.
func sshConfig() (*inventory.SSHConfig, error) {
	paths := []string{"/etc/ssh/ssh_config"}
	if home, err := os.UserHomeDir(); err == nil {
		paths = append([]string{filepath.Join(home, ".ssh", "config")}, paths...)
	}
	return inventory.LoadSSHConfig(slices.DeleteFunc(paths, func(path string) bool {
		_, err := os.Stat(path)
		return errors.Is(err, fs.ErrNotExist)
	})...)
}

// fleet returns the way to hosts.
func (in *installation) fleet(o remote.Options) (*remote.Fleet, error) {
	ssh, err := sshConfig()
	if err != nil {
		return nil, err
	}
	named := in.named()
	o.Resolve = func(bastion inventory.Host) (inventory.Host, error) {
		bastion, err := named(bastion)
		if err != nil {
			return bastion, err
		}
		return ssh.Apply(bastion)
	}
	if in.request == nil {
		setGCPercent(hostsGCPercent)
	}
	return remote.New(o)
}

// named returns what fills in the table of a bastion that the inventory has as a
// host. What the jump itself says of user and port counts first.
func (in *installation) named() func(inventory.Host) (inventory.Host, error) {
	load := sync.OnceValues(func() (*inventory.Inventory, error) { return inventory.Load(in.Inventory) })
	return func(bastion inventory.Host) (inventory.Host, error) {
		inv, err := load()
		if err != nil {
			return bastion, err
		}
		host, there := inv.Host(bastion.Name)
		if !there {
			return bastion, nil
		}
		if bastion.User != "" {
			host.User = bastion.User
		}
		if bastion.Port != 0 {
			host.Port = bastion.Port
		}
		return host, nil
	}
}
