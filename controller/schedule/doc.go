// Package schedule says when the commands of [[schedule]] tables are due, and
// has them run then.
//
// A Schedule is pure arithmetic: from its cron expression, its time zone and its
// freeze dates it tells the nights, which is what one time that it is due is
// called here, at whatever hour. A night has a start, which lies after the due
// time by the jitter, and an end, after which no host is begun any more.
//
// Runner acts on that. Every night is written down in a Book before anything is
// begun, by a write that fails where the night is there already: so of two
// runners one begins it, and one that was down begins it later if it has not
// ended, and once. What hinders a night is written down too: that the one before
// still goes, that the schedule is paused, that the day is frozen. And so are
// nights that ended while no controller was there, all of them as one.
//
// A crash leaves a night that is open. The next Runner finds the rollout that it
// began and carries that on, or begins it if there is none.
package schedule
