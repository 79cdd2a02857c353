// Package agent is the program on a host that reports its health, and only
// reads.
//
// An Agent looks at every probe in a loop of its own, so that one that hangs
// holds up no other, and at once when systemd or dpkg changed something. What
// they find is on a board, from which reports are made: one when something
// changed, one each interval, and one for whoever asks. Reports are sent over
// NATS while there is a connection, and not kept while there is none: the first
// thing that is sent over a new one is how the host is then. Connecting goes on
// for ever.
//
// Which host it speaks for is proven by a key that was made on the host and
// never leaves it, with a token that the controller signed for that key. What it
// looks at stands in a file that only root writes: nothing that comes over the
// network makes it run anything.
//
// It writes nothing but its key. A crash leaves nothing behind.
package agent
