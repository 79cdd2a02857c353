// Package hostjob runs apt on a host in a way that a lost connection, a dead
// controller or a reboot cannot harm, and finds out what became of it.
//
// A job is a folder on the host, /var/lib/aptfleet/jobs/ID: what is asked
// (spec), what was said (log), what apt tells machines (status), the process
// (pid), the boot it belongs to (boot_id), and in the end what was found (result)
// and apt's exit status (rc). Whoever makes the folder starts the job; whoever
// comes later with the same ID attaches to it. It is detached from every
// connection and needs nothing but a shell, coreutils, dpkg and apt.
//
// Run starts or attaches, follows log and status by their offsets, and attaches
// again after trouble with the connection. A job that died, with its host or
// alone, is begun again in the same folder, where it first mends what dpkg left
// half done. The Verdict is then a matter of state: the versions that are there
// against those asked for. Exit statuses only serve to explain.
//
// MakePlan asks beforehand what apt would do. Its changes are what a job of mode
// Prefetch fetches, so that neither going there nor going back needs the
// repository, and what one of mode Exact carries out: those and nothing else.
// Outcome.Reverse has the changes that lead back.
//
// A controller that crashes leaves a job that runs to its end, and a lease that
// expires. Nothing here ever kills apt.
package hostjob
