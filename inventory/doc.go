// Package inventory reads the hosts that aptfleet deploys to.
//
// An inventory is one TOML file: defaults, named groups of hosts written as
// ranges, and a table for each host that differs from its group. What is said
// for a host wins over what its groups say, and that over the defaults. Groups
// that contradict each other about a host are an error unless the host itself
// decides, so that the order of the file never matters to a value.
//
// A Selector is the expression with which a person picks hosts out of it. What
// the inventory leaves open, the user's ssh_config may fill (SSHConfig).
//
// Nothing here connects to a host, and an Inventory never changes once it is
// read, so all of its methods may be called concurrently.
package inventory
