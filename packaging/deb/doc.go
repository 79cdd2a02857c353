// Package deb builds Debian binary packages and reads them.
//
// A Recipe says what a package holds; it is read from a TOML file, or from an
// nfpm.yaml as another form of the same, and Build writes the .deb that
// dpkg-deb would write: an ar archive of debian-binary, control.tar.gz and
// data.tar (deb(5)). Writing streams, so that memory does not grow with the
// package, and depends on the recipe, the files and SOURCE_DATE_EPOCH alone: the
// same input gives the same bytes on any machine. The .deb appears under its
// name once it is whole; a crash leaves a file with a leading dot at most.
//
// Verify reads anybody's .deb and believes nothing of it: sizes, order and names are
// checked, and what is decompressed is bounded.
package deb
