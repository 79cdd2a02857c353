// Package steps holds the concrete steps of rollouts, a file each: what the
// engine does to one host, and how it takes it back.
//
// A step leaves nothing of its own at the controller. What it did is on the
// host, in the folder of its job, and that is also where its undo reads what was
// there before: a controller that died between Do and its journal entry loses
// nothing.
package steps
