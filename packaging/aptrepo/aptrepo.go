// Package aptrepo keeps a signed apt repository: packages in a pool, and suites
// that say which of them a host sees.
//
// # What lies where
//
//	dists/SUITE/InRelease                        the truth about a suite, signed
//	dists/SUITE/Release, Release.gpg             the same for old clients
//	dists/SUITE/main/binary-ARCH/Packages{,.gz}  the index, under its plain names
//	  .../by-hash/SHA256/HASH                    and as apt fetches it
//	pool/main/a/app_1.0_amd64.deb                the packages, never changed
//	.aptfleet/                                   ours: not served
//
// # What a crash leaves behind
//
// One rename, that of InRelease, moves a suite from one generation to the next.
// Everything it refers to is durable before: the pool's files, the indices by
// their hash, and a table (.aptfleet/suites/SUITE/HASH.json, named by the
// release it belongs to) from which the next publish goes on. Whatever was
// interrupted before has changed nothing that a client of the old InRelease
// reads. What it left lying about is named in .aptfleet/pending.json, written
// first and removed last, and the next publish cleans up by it.
//
// Old generations of the indices stay for an hour, and three of them in any
// case, so that a client in the middle of an update finds what its InRelease
// named.
//
// # Why publishing is cheap
//
// Packages is cut into chunks of about 64 KiB, and each is a gzip member of its
// own. The table knows their borders and the state of SHA-256 at each, so that
// a publish parses and compresses only the chunk that changes and copies the
// rest. Stanzas are kept as the bytes of the package's control file; nothing is
// read again.
//
// # Dates
//
// apt silently ignores a release that is older than the one it has, and takes a
// publish within the same second for no change at all. So the Date of a suite
// rises by a second at least, is the modification time of its files too, and
// lies a minute behind the clock: that is room for hosts whose clocks are slow,
// and for sixty publishes at once. Beyond these, a publish waits for the clock.
package aptrepo

import "errors"

var (
	// ErrNoRepository says that there is no repository yet: Create makes one.
	ErrNoRepository = errors.New("there is no repository")
	// ErrNoSuite says that the repository has no suite of that name.
	ErrNoSuite = errors.New("no such suite")
	// ErrNotPublished says that a suite does not have the package in that version.
	ErrNotPublished = errors.New("not published")
	// ErrConflict says that a package of the same name, version and architecture
	// but with other content is published.
	ErrConflict = errors.New("published already with other content: raise the version")
	// ErrFrozen says that a value was asked for that differs from the one that
	// hosts have seen: they would refuse every update until told otherwise.
	ErrFrozen = errors.New("frozen when the repository was made")
	// ErrClock says that the last publish lies in the future.
	ErrClock = errors.New("this machine's clock was set back")
)

// component is the only one there is: suites do what components were for.
const component = "main"
