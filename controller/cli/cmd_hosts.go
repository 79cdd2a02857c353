package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/inventory"
)

// hostLine is one host as the inventory has it.
type hostLine struct {
	Host    inventory.HostName `json:"host"`
	Address string             `json:"address"`
	Port    int                `json:"port"`
	User    string             `json:"user,omitempty"`
	Jump    string             `json:"jump,omitempty"`
	Chroot  string             `json:"chroot,omitempty"`
	Groups  []string           `json:"groups"`
	Labels  map[string]string  `json:"labels,omitempty"`
}

func newHostLine(h inventory.Host) hostLine {
	port := h.Port
	if port == 0 {
		port = 22
	}
	return hostLine{h.Name, h.DialAddress(), port, h.User, h.Jump, h.Chroot, h.Groups, h.Labels}
}

func (hostLine) kind() string { return "host" }

func (h hostLine) text(w io.Writer) {
	login := h.Address
	if h.User != "" {
		login = h.User + "@" + login
	}
	if h.Port != 22 {
		login = fmt.Sprintf("%s:%d", login, h.Port)
	}
	words := []string{strings.Join(h.Groups, ",")}
	for _, name := range slices.Sorted(maps.Keys(h.Labels)) {
		words = append(words, name+"="+h.Labels[name])
	}
	if h.Jump != "" {
		words = append(words, "through "+h.Jump)
	}
	if h.Chroot != "" {
		words = append(words, "in "+h.Chroot)
	}
	fmt.Fprintf(w, "%-24s %-32s %s\n", h.Host, login, strings.Join(words, "  "))
}

func (a *app) hostsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hosts [SELECTOR]",
		Short: "List the hosts of the inventory",
		Long: `List the hosts of the inventory, or those that a selector picks: how each is
reached, its groups and its labels. Nothing is connected to.

` + selectorHelp,
		Example: `  aptfleet hosts
  aptfleet hosts 'array_of_new_webapps,!web-b07'
  aptfleet hosts 'label:tier=web' --json`,
		Args: cobra.MatchAll(cobra.MaximumNArgs(1), notEmpty),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			hosts, err := in.hosts(cmd.Context(), strings.Join(args, ""))
			if err != nil {
				return err
			}
			for _, h := range hosts {
				if err := a.print(newHostLine(h)); err != nil {
					return err
				}
			}
			return nil
		}),
		ValidArgsFunction: a.completeSelector,
	}
}

// selectorHelp explains selectors wherever one is taken.
const selectorHelp = `A SELECTOR names hosts and groups, with commas between; globs work, "!" takes
away, "label:NAME=VALUE" picks by label, "failed:ROLLOUT" picks what failed in a
rollout, could not be reached, is unknown or was never begun, "[a:b]" cuts out of
a group by number, and "all" is every host: web,!web-07  label:tier=web  web[0:9]
failed:R42`

// errNoHosts is for what a script leaves empty: that is not the whole fleet.
var errNoHosts = errors.New("no hosts are named: say a group or a host, or \"all\" for every host")

// notEmpty refuses selectors that are given, and empty.
func notEmpty(_ *cobra.Command, args []string) error {
	if slices.Contains(args, "") {
		return errNoHosts
	}
	return nil
}

// selectorFlag adds a flag that takes a selector, and is not empty if it is given.
func (a *app) selectorFlag(cmd *cobra.Command, to *string, name, usage string) {
	cmd.Flags().StringVar(to, name, "", usage)
	complete(cmd, name, a.completeSelector)
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed(name) && *to == "" {
			return usageErrorf("--%s: %w", name, errNoHosts)
		}
		return run(cmd, args)
	}
}
