// Package rollout says what a rollout is: what was asked for, what may happen
// to it, and what has become of it so far.
//
// It is pure: no I/O, no goroutines, no clock. A rollout is nothing but its
// events in their order. State is the fold of them, and whatever a person or a
// program wants to know of a rollout is read from a State: live progress, the
// history, the exit status, where to resume and what to undo.
//
// Three small status machines, written down as data, say which event may follow
// which: Phase for the whole rollout, Verdict for a host, and Status for one
// step on a host. An event that they refuse is never journaled; one that is met
// while a journal is read means that the journal is damaged.
//
// State.Next decides from the state what is to be done next: it is where
// batches, budget, gates, pauses, pairs and what follows a failure are known, and
// nowhere else. A Plan is what apt would do, frozen among the events before a
// host is touched.
//
// Hosts are independent. What happens on one has no influence on which
// events another may have.
package rollout
