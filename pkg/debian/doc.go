// Package debian knows the small languages of Debian's packaging: versions and
// their order, names, architectures, relations between packages, control
// stanzas, and what dpkg has on record.
//
// Everything here is pure: bytes in, values out, nothing kept. Parsers are
// strict, since their input comes from other people's packages and from hosts:
// what they do not understand is an error that shows the line. Stanzas keep the
// bytes they were read from, so that what is not changed is passed on exactly
// as its author wrote it.
//
// Functions may be called concurrently; so may the methods of values.
package debian
