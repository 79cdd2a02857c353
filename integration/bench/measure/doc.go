// Package measure finds out what commands cost, sets them beside their peers
// and holds the result against a target.
//
// A program that measures calls [Init] first thing in main (a test in
// TestMain), because the process that watches a command is the program itself,
// started again: it adopts the command's daemons, so that a gpg-agent or an ssh
// master counts as well. Then, for one comparison:
//
//	runs, err := measure.Contest{Rounds: 3, Log: os.Stderr}.Run(ctx,
//		measure.Contestant{Name: "aptfleet", Run: func(ctx context.Context) (measure.Cost, error) {
//			return measure.Command(exec.CommandContext(ctx, "bin/aptfleet", "publish", deb))
//		}},
//		measure.Contestant{Name: "reprepro", Run: …},
//	)
//	ours, peer := runs["aptfleet"].Median(), runs["reprepro"].Median()
//	table.Add(measure.Claim{
//		What: "publish one more of 10,000: CPU", Unit: measure.Seconds,
//		Ours: ours.CPU.Seconds(), Peer: peer.CPU.Seconds(), Beside: "reprepro", Most: 0.15,
//	})
//
// Contestants take turns, so that a minute in which the machine is busy with
// something else falls on all of them.
package measure
