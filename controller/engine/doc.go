// Package engine runs the steps of a rollout on many hosts, and undoes them.
//
// It knows neither SSH nor apt: it is handed the steps of each host and a
// journal. Hosts are worked on in a sliding window, so that a host that ends
// frees its place at once, and nothing that happens on one host touches
// another. On a host the steps run in their order; the first that fails ends
// the host's work.
//
// Every event is in the journal before a host is touched and again after. A
// step that a crash left at "doing" is in doubt: it may have happened, or not,
// or half. That is why Do and Undo of a Step must be idempotent, and why Undo
// begins with the step that failed. When the journal refuses an event the
// engine stops: no further host is begun, nothing more is done to any.
//
// Engine.Run runs a whole rollout. It decides nothing by itself: it asks
// rollout.State.Next, after everything that happens, which hosts to begin
// or what to journal, and so a controller that resumes goes on as the one before
// it would have.
//
// A host that has passed its gate stays watched as long as the rollout is open and
// nobody works on it, or where looking has its price, in the pauses between batches.
// Once it is not healthy any more it has failed, and Next is asked
// what follows.
//
// Cancelling the context means that no new host is begun. Hosts that are being
// worked on are let finish, for as long as Engine.Grace says.
package engine
