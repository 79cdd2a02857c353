// Package schedule says when the commands of [[schedule]] tables are due, and
// has them run then.
//
// A Schedule is pure arithmetic: from its cron expression, its time zone and its
// freeze dates it tells its occurrences, each of which is one time that it is due. An
// Occurrence has a start, which lies after the due time by the jitter, and an end,
// after which no host is begun any more.
//
// Runner acts on that. Every occurrence is written down in a Store as a Run before
// anything is begun, by a write that fails where it is there already: so of two
// runners one begins it, and one that was down begins it later if it has not
// ended, and once. What hinders an occurrence is written down too: that the one before
// still goes, that the schedule is paused, that the day is frozen. And so are
// occurrences that ended while no controller was there, all of them as one.
//
// A crash leaves a run that is open. The next Runner finds the rollout that it
// began and goes on with that, or begins it if there is none.
package schedule
