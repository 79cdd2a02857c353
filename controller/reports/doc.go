// Package reports takes what agents report over the bus, and keeps the last
// report of each host.
//
// Register is which hosts are enrolled, and with which agent's key; it lasts.
// Reports are kept in memory alone: after a restart they are back within one
// interval of the agents. What arrives is not to be trusted. It is bounded and
// escaped when it is decoded; what comes from an agent that no host is enrolled
// with, or more often than an agent has reason to, is dropped and logged.
//
// Times are those at which reports were received here, by our clock: a host's
// clock may be wrong.
package reports
