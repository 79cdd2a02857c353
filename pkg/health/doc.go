// Package health is what controller and agent say to each other about how a host
// is: Probe is one thing to look at, Report what was found.
//
// It is pure: it does not look at anything itself. Whoever does, over SSH or as
// an agent, fills a Report; whoever judges reads it. Reports come from hosts,
// which may be broken or worse: Decode bounds and escapes whatever is in them,
// so that a Report in hand can be shown and logged as it is.
//
// A host's agent finds its probes in a file, see EncodeProbes: what a host is to
// run never comes over the network.
//
// Times of a host are by its own clock, which may be wrong. They are good for
// their differences alone; Report.Since turns them into the reader's time.
package health
