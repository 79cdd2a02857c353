package cli

import (
	"context"
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

// completeSelector offers the names of groups and hosts, or after "failed:" rollouts,
// behind what is there of the selector already.
func (a *app) completeSelector(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	inv, err := a.inventory()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	before := begun[:strings.LastIndexByte(begun, ',')+1]
	if strings.HasPrefix(begun[len(before):], "!") {
		before += "!"
	}
	if strings.HasPrefix(begun[len(before):], "failed:") {
		return a.completeFailed(cmd.Context(), before)
	}
	names := append(inv.Groups(), hostNames(inv)...)
	for i := range names {
		names[i] = before + names[i]
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeFailed offers the rollouts that have left hosts undone, or have not ended,
// newest first.
func (a *app) completeFailed(ctx context.Context, before string) ([]string, cobra.ShellCompDirective) {
	var all []historyLine
	err := a.withRecords(ctx, func(r records) (err error) {
		all, err = r.history(ctx)
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var offers []string
	for _, l := range all {
		what := "not finished"
		if s := l.Summary; s != nil {
			if s.Failed+s.Unreachable+s.Unknown+s.NotStarted == 0 {
				continue
			}
			what = s.String()
		}
		offers = append(offers, cobra.CompletionWithDesc(before+"failed:"+string(l.ID), what))
	}
	return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
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
