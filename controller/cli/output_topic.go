package cli

import "github.com/spf13/cobra"

// outputTopic documents what --json prints. A test holds it against the lines.
func outputTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "output",
		Short: "What --json prints",
		Long: `With --json every command prints its results to the standard output as one JSON
object a line. "type" says which of the following it is. Keys keep their meaning
in later versions; new keys and new types may come, so pass over what you do not
know. A key whose value is empty may be missing. Times are RFC 3339, durations
are seconds, sizes are bytes.

token     of "token new": name, role, token, hash, expires
version   of "version": version, go, arch
host      of "hosts": host, address, port, user, jump, chroot, groups, labels
ping      of "ping": host, ok, took, error
enrolled  of "enroll": host, result (unchanged, repaired, written), agent
          (likewise, where agents are enrolled), error
forgotten of "forget": host
check     of "doctor": check (inventory, key, repository, bus, certificates, clock, hosts), ok,
          found (or what is to be mended)
built     of "build": recipe, file
package   of "publish", "promote" and "repo ls": suite, package, version,
          architecture, size, sha256, already (it was there before)
pruned    of "repo prune": package, version, architecture, or file
plan      of "plan", and of "rollout" before it begins, for hosts on which the
          same happens: hosts, changes (each with package, old, new, kind), unchanged
          (package to version, of those asked for), deferred (changes that an upgrade
          of everything does not make: held back by phasing), kept_back (likewise, by
          a hold or a dependency), held, download, disk, free,
          damaged (packages that dpkg has not finished with, as NAME (STATE)),
          trouble (why there is no plan)
event     of "rollout" and "watch", as things happen: sequence (its number in
          the rollout; of what was summarised only decisions are left),
          event (created, taken, planned, approved, prefetch, batch begun, batch ended, paused,
          continued, stopped, aborted, retried, rollback, step, result, gate,
          finished), time, by, host, attempt, step, status (of the step: doing,
          done, failed, undoing, undone, stuck; of prefetch and gate: done,
          failed; a gate that was done fails if the host becomes unhealthy later), verdict (of the host), before, after (package to version;
          of none where none was installed, and left out where nobody knows),
          cause, notes, batch (its number)
rollout   of "status", and of "rollout" at its end: id, phase (open, finished),
          mode, packages, selector, who, created, finished, batch (begun last),
          batches (their number), waits, stopped (by a gate or the budget) and aborted
          (by a person), each with time, by, cause; back (hosts are, or were, rolled
          back: cause), ungated (hosts that are done, and not known to be well
          yet), events (their number), summary, hosts, exit_status (of a command that ended with it). waits has for (approval:
          resume plans again; continue: a person goes on; time) and until.
          summary counts hosts: done, failed, unreachable, unknown, returned,
          stuck, running, not_started. Each of hosts has host, verdict, before,
          after, cause, notes, took
action    of "history", what was done through the daemon besides rollouts: time,
          by, did, what, error (why it was refused or failed)
history   of "history": id, created, who, mode, packages, selector, hosts
          (their number), summary (once it has finished: done, failed,
          unreachable, unknown, returned, stuck, running, not_started), error
          (why the journal cannot tell all of it)
log       of "logs": host, job, log, gaps (places where bytes are missing)
schedule  of "schedule list": name, cron (with the time zone), run, next (when it
          starts next), end (of that window), paused, paused_by, frozen (the days
          that today is one of), last (due, manual, outcome: going, done, failed,
          skipped or missed; rollout, ended, text: how it ended, or why it was
          not begun)
health    of "health", for each host: host, state (healthy, failing, silent),
          reported (when it last said something), trouble (why it is silent),
          failures (each with probe, since, output), drift (packages that are
          not as the rollout left them: package, want, have), rollout, facts
          (what its agent knows besides: agent, its version; reboot, whether
          one is required; pending, security, numbers of upgrades; lists, the
          age of apt's lists), unprobed (it has no probes)
fleet     of "health", at its end, numbers of hosts: hosts, healthy, failing,
          silent, drifted, reboot, security, pending`,
	}
}
