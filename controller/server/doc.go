// Package server is the daemon's HTTP API: everything that the commands do, for
// commands, scripts and the dashboard. openapi.yaml describes it, and a test
// holds the two together.
//
// The package knows HTTP and who may do what. What is done it leaves to the
// interfaces that it declares, which the command line implements; and what they
// return is an Object, one of the lines that commands print with --json, so that
// there is one form of each thing, documented once.
//
// There are two listeners. Whoever can open the socket, root and the daemon's own
// user, is an admin, by the name that the kernel says. Over TCP only a token
// opens, on every address and for every path.
//
// What changes something is in the history with who did it: rollouts in their own
// events, all else as actions, and refusals too. The package keeps nothing that
// has to last; after a crash clients ask again, and a stream of events goes on
// after the last one they have seen.
package server
