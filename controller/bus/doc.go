// Package bus is the one engine of storage and messages: NATS with JetStream.
// All that must last or travel goes over it, and no other file of state is kept.
//
// Without a daemon the server runs in this process and listens nowhere. Its
// store is a folder below the state folder, and one process at a time may have
// it: nats-server itself would let two open the same store and damage it, so
// Open takes a lock, and its holder leaves a note of who it is.
//
// The servers trust one operator, whose key and those of its accounts are made
// with the store. Controllers and agents share an account: a controller signs
// itself a user that may do everything, and an agent one that may say how its
// own host is and answer whoever asks for that, and nothing else. The servers
// need no list of agents, only of those that were shut out, which is part of the
// signed account. Where the bus listens, it is with TLS alone.
//
// What is acknowledged is on the disk: every write is synced before its
// acknowledgement, always. The server's own default, which syncs every two
// minutes, loses everything acknowledged since when the power fails, and there
// is deliberately no option to turn it on. A process that is killed leaves a
// store that the next Open recovers; the lock goes with the process.
//
// Logs of hosts are the exception: they are kept in a stream that is synced in
// its own time, because a host has them too.
package bus
