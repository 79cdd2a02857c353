// Package xz unpacks small .xz files that lie in memory, as most members of
// Debian packages are.
//
// A decoder of streams must be able to stop after any byte of input or output,
// keeps a dictionary of its own (8 MiB for what xz -6 wrote), and copies from
// there. None of that is needed where the whole file is at hand: here the output
// is the dictionary. That takes two fifths of the time of github.com/xi2/xz, the
// quickest decoder of streams in Go, for which the first publish of thousands of
// packages would else spend a third of its own.
//
// It is an accelerator, and no judge. Decode says no to what it does not know
// and to what is damaged alike; the caller then asks a decoder of streams, which
// reads the one and says what is wrong with the other.
//
// The formats are those of https://tukaani.org/xz/xz-file-format.txt and of the
// LZMA specification by Igor Pavlov.
package xz
