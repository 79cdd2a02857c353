// Package lease says which of several controllers holds something, so that
// another one takes it when that one dies.
//
// A lease is a key in the bus' bucket of leases: made by one of those who want it,
// and written anew every few seconds. The server drops a key that has not been
// written for bus.LeaseTime. So a controller that dies, or is cut off, loses its
// leases without anybody judging whether it lives.
//
// A lease makes work go on and keeps nobody from it by force: one who stood still
// past its lease finds out only when it wakes up. It then steps down, well before
// the server's time is over if it only was not answered. What must never be done
// twice is fenced where it is written: by the journal, for a rollout.
//
// Leases have a connection of their own, and never wait behind bulk work. After a
// crash nothing is to be repaired; on a bus that is in this process all leases are
// void when it is opened, since nobody else can be alive there.
package lease
