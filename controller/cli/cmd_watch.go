package cli

import (
	"iter"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

func (a *app) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch [ROLLOUT]",
		Short: "Show what happened in a rollout, event by event, to its end",
		Long: `Show what happened in a rollout, event by event, to its end or to the last event
of one whose command was killed. A rollout that another command carries out right
now is shown by that command; the error names it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRollout(cmd.Context(), args, func(j openJournal, id rollout.ID) error {
				state, err := j.Read(cmd.Context(), id)
				if err != nil {
					return err
				}
				bar := a.newProgress(len(state.Hosts()))
				defer bar.end()
				a.follow(cmd.Context(), firstEvents(state.Events, j.Watch(cmd.Context(), id)), bar)
				return nil
			})
		},
	}
}

// firstEvents cuts a sequence off after n events. While this process has the
// journal nobody else adds to it.
func firstEvents(n int, events iter.Seq2[rollout.Event, error]) iter.Seq2[rollout.Event, error] {
	return func(yield func(rollout.Event, error) bool) {
		if n == 0 {
			return
		}
		left := n
		for e, err := range events {
			left--
			if !yield(e, err) || left == 0 {
				return
			}
		}
	}
}

// without passes over the first n events of a sequence.
func without(n int, events iter.Seq2[rollout.Event, error]) iter.Seq2[rollout.Event, error] {
	return func(yield func(rollout.Event, error) bool) {
		left := n
		for e, err := range events {
			if left--; left >= 0 && err == nil {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
