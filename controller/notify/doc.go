// Package notify tells people and programs outside how rollouts go, and which runs
// of schedules were skipped, were missed or could not begin: by webhook, by mail, or
// by running a command.
//
// It reads the journal and nothing else, behind the rollouts' backs: a target
// that is dead delays nobody. Each target has its own place in the journal, kept
// there, so that a daemon that is killed tells afterwards what it has not told
// yet. A target that cannot be reached is tried again, later and later, and
// given up after a day; a daemon killed between telling and noting that it has
// tells twice, under the same id.
//
// Secrets are read from files or the environment when they are used, and are in
// no error and no log; nor are the addresses of webhooks, which often are
// secrets themselves.
package notify
