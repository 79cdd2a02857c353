// Package journal records what a rollout has begun and finished, so that a
// controller that dies half way can resume or undo it.
//
// A journal is only ever appended to, until a rollout is summarised, and Append returns once the event is
// durable. The engine calls it before it touches a host and again after: a step
// whose last event says "doing" is in doubt, and whoever resumes must find out
// from the host, do it again, or undo it.
//
// Every rollout has two subjects in one stream: decisions, and what happened to
// hosts. A decision is appended only if the last decision is the one that its
// author knows, and so is an event of a host. So whoever takes a rollout over,
// which is a decision, thereby shuts out the one who had it before, even if
// that one is only frozen and comes back: its next Append fails with a
// *FencedError, before it touches another host.
//
// Events are chained. Each names the decision before it and counts the events
// of hosts before it, so that a reader notices when the disk has lost or
// damaged one: it gets a *GapError and never a wrong picture. The loss of the
// last events leaves no trace in the chain. The bus has a mark of how far the journal
// had come, and Lost tells how many are missing; only the events of about the last
// second before a crash may be lost without a trace, and show on the hosts.
//
// Some time after the end of a rollout, Summarise puts one message, a summary, in the
// place of its events of hosts, which are nearly all there is of it. It has the whole
// state, so that the rollout can be read, retried and rolled back as before; only
// those who want to see its events find but the decisions. The summary is durable
// before an event is purged, and who reads a rollout that has one passes over what
// happened until then: a crash on the way, which the next Summarise goes on with, is
// seen by nobody.
//
// A crash leaves a journal without its last events, those that were never
// acknowledged. Nothing needs repair: Take goes on where it ends.
package journal
