package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/inventory"
)

// complete has the shell complete a flag, which has been defined.
func complete(cmd *cobra.Command, flag string, by cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, by); err != nil {
		panic(err)
	}
}

// words completes a few words.
func words[T ~string](some ...T) cobra.CompletionFunc {
	var all []string
	for _, w := range some {
		all = append(all, string(w))
	}
	return cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp)
}

// after completes by the function those arguments that n others come before.
func after(n int, by cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) < n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return by(cmd, args, begun)
	}
}

// completeSelector offers the names of groups and hosts, behind what is there of
// the selector already.
func (a *app) completeSelector(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	inv, err := a.inventory()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	before := begun[:strings.LastIndexByte(begun, ',')+1]
	if strings.HasPrefix(begun[len(before):], "!") {
		before += "!"
	}
	names := append(inv.Groups(), hostNames(inv)...)
	for i := range names {
		names[i] = before + names[i]
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeHost offers the names of hosts.
func (a *app) completeHost(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	inv, err := a.inventory()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return hostNames(inv), cobra.ShellCompDirectiveNoFileComp
}

// completeSuite offers the suites of the configuration.
func (a *app) completeSuite(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	in, err := a.installation()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return in.Repository.Suites, cobra.ShellCompDirectiveNoFileComp
}

// inventory reads what the configuration names.
func (a *app) inventory() (*inventory.Inventory, error) {
	in, err := a.installation()
	if err != nil {
		return nil, err
	}
	return inventory.Load(in.Inventory)
}

func hostNames(inv *inventory.Inventory) []string {
	var names []string
	for _, h := range inv.Hosts() {
		names = append(names, string(h.Name))
	}
	return names
}
