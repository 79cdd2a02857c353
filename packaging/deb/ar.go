package deb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The ar format of deb(5) and of the ar.h of System V: a magic line, then
// members that each begin with a header of 60 bytes at an even offset.
const (
	arMagic      = "!<arch>\n"
	arHeaderSize = 60
	arTrailer    = "`\n"
	maxMembers   = 64 // dpkg writes three; signatures add a few
)

// arMember is where a member's content stands in the archive.
type arMember struct {
	name         string
	offset, size int64
}

// readMembers lists the members of the archive r of size bytes, each of which
// lies whole within it.
func readMembers(r io.ReaderAt, size int64) ([]arMember, error) {
	magic := make([]byte, len(arMagic))
	if _, err := r.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(magic) != arMagic {
		return nil, errors.New("it is no ar archive")
	}
	members := make([]arMember, 0, 3) // as a rule
	for at := int64(len(arMagic)); at < size; {
		m, err := readMember(r, at, size)
		if err != nil {
			return nil, err
		}
		if len(members) == maxMembers {
			return nil, fmt.Errorf("it has more than %d members", maxMembers)
		}
		members = append(members, m)
		at = m.offset + m.size + m.size%2
	}
	return members, nil
}

// readMember reads the header at an offset of an archive of size bytes.
func readMember(r io.ReaderAt, at, size int64) (arMember, error) {
	var header [arHeaderSize]byte
	if at+arHeaderSize > size {
		return arMember{}, fmt.Errorf("it is truncated: the header of a member at byte %d is cut off", at)
	}
	if n, err := r.ReadAt(header[:], at); n < arHeaderSize {
		return arMember{}, err
	}
	if !bytes.HasSuffix(header[:], []byte(arTrailer)) {
		return arMember{}, fmt.Errorf("it has no header of a member at byte %d", at)
	}
	m := arMember{name: memberName(header[:16]), offset: at + arHeaderSize}
	length, err := strconv.ParseUint(strings.TrimRight(string(header[48:58]), " "), 10, 62)
	if err != nil || m.name == "" || strings.Contains(m.name, "/") {
		return arMember{}, fmt.Errorf("the header of a member at byte %d is damaged: name %q, size %q", at, header[:16], header[48:58])
	}
	if m.size = int64(length); m.size > size-m.offset {
		return arMember{}, fmt.Errorf("it is truncated: %s has %d bytes, of which %d are there", m.name, m.size, size-m.offset)
	}
	return m, nil
}

// memberName undoes the padding of a name, and the slash that GNU ar ends it with.
func memberName(field []byte) string {
	return strings.TrimSuffix(strings.TrimRight(string(field), " "), "/")
}

// arHeader returns the header of a regular file of root's, as dpkg-deb writes it.
func arHeader(name string, size int64, modified time.Time) []byte {
	return fmt.Appendf(nil, "%-16s%-12d%-6d%-6d%-8o%-10d%s", name, modified.Unix(), 0, 0, 0o100644, size, arTrailer)
}
