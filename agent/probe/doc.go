// Package probe looks at the machine that it runs on, a file a kind of probe.
//
// It only reads, and what it reads often is kept until it changes: dpkg's record
// until its files do, units until systemd says that they did. It keeps nothing
// on disk, so that a crash leaves nothing behind.
//
// Nothing that hangs hangs more than itself: every look has its time, and a
// look that the kernel does not let go of is not begun a second time.
package probe
