package deb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/aptfleet/aptfleet/packaging/xz"
)

// What is at most this large is unpacked at once: nearly all control members,
// and the data of small packages. It is what a reader of packages in tens of
// thousands spends its time on.
const (
	smallPacked   = 64 << 10
	smallUnpacked = 512 << 10
)

// atOnce holds a small member in memory.
type atOnce struct {
	packed  [smallPacked]byte
	decoder xz.Decoder
	files   []plainFile
	reader  bytes.Reader
}

var atOnces = sync.Pool{New: func() any { return new(atOnce) }}

// eachAtOnce is eachEntry for small members of xz. Where it is not done, the
// member is for decoders of streams, also to say what is wrong with it.
func (p packageFile) eachAtOnce(m arMember, limit int64, fn func(tarEntry, io.Reader) error) (done bool, err error) {
	if !strings.HasSuffix(m.name, ".xz") || m.size > smallPacked {
		return false, nil
	}
	a := atOnces.Get().(*atOnce)
	defer atOnces.Put(a)
	packed := a.packed[:m.size]
	if _, err := p.r.ReadAt(packed, m.offset); err != nil && !errors.Is(err, io.EOF) {
		return true, m.explain(err)
	}
	content, ok := a.decoder.Decode(packed, int(min(limit, smallUnpacked)))
	if !ok {
		return false, nil
	}
	return true, m.explain(a.eachEntry(content, fn))
}

// eachEntry calls fn for every entry of a tar archive.
func (a *atOnce) eachEntry(archive []byte, fn func(tarEntry, io.Reader) error) error {
	var ok bool
	if a.files, ok = plainFiles(a.files[:0], archive); !ok {
		return eachEntry(bytes.NewReader(archive), fn)
	}
	var names entryNames
	for _, f := range a.files {
		if err := names.check(f.tarEntry); err != nil {
			return err
		}
		a.reader.Reset(f.content)
		if err := fn(f.tarEntry, &a.reader); err != nil {
			return err
		}
	}
	return nil
}

// plainFile is a file of a tar archive in memory.
type plainFile struct {
	tarEntry
	content []byte
}

const tarBlock = 512

// plainFiles appends the files of a tar archive to files, if all of them are as
// plain as nearly all packages': files, folders and links whose names are not
// long, in the formats of POSIX or GNU, with numbers in octal digits. All else,
// and what is damaged, is for archive/tar, which reads plain ones to the same.
func plainFiles(files []plainFile, archive []byte) (all []plainFile, ok bool) {
	for len(archive) >= 2*tarBlock {
		header := (*[tarBlock]byte)(archive)
		if *header == [tarBlock]byte{} {
			return files, [tarBlock]byte(archive[tarBlock:]) == [tarBlock]byte{}
		}
		f, ok := parsePlain(header)
		archive = archive[tarBlock:]
		if !ok || f.size > int64(len(archive)) {
			break
		}
		f.content = archive[:f.size:f.size]
		files = append(files, f)
		archive = archive[min((f.size+tarBlock-1)/tarBlock*tarBlock, int64(len(archive))):]
	}
	return files, false
}

// parsePlain reads a header, as described in tar(5).
func parsePlain(h *[tarBlock]byte) (f plainFile, ok bool) {
	const posix, gnu = "ustar\x0000", "ustar  \x00"
	if magic := string(h[257:265]); magic != posix && magic != gnu || [167]byte(h[345:]) != [167]byte{} {
		return f, false // after byte 345 there would be the first part of a long name
	}
	for _, field := range [][]byte{h[100:108], h[108:116], h[116:124], h[136:148], h[329:337], h[337:345]} {
		if octal(field) < 0 { // mode, owner, group, date, device
			return f, false
		}
	}
	f.tarEntry = tarEntry{untilZero(h[:100]), untilZero(h[157:257]), h[156], octal(h[124:136])}
	switch f.kind {
	case '0':
		ok = f.size >= 0
	case '1', '2', '5': // hard links, symbolic links, folders
		ok = f.size == 0
	}
	return f, ok && octal(h[148:156]) == checksum(h)
}

func untilZero(field []byte) string {
	if end := bytes.IndexByte(field, 0); end >= 0 {
		field = field[:end]
	}
	return string(field)
}

// octal reads digits that are followed by nothing but blanks or zeros; -1 is no
// number.
func octal(field []byte) int64 {
	n, digits := int64(0), 0
	for digits < len(field) && '0' <= field[digits] && field[digits] <= '7' {
		n = n<<3 + int64(field[digits]-'0')
		digits++
	}
	for _, c := range field[digits:] {
		if c != ' ' && c != 0 {
			return -1
		}
	}
	return n
}

// checksum adds the bytes of a header, those of the sum itself as blanks. It adds
// eight at a time, in four lanes that cannot overflow.
func checksum(h *[tarBlock]byte) int64 {
	const lanes = 0x00ff00ff00ff00ff
	sum := uint64(0)
	for at := 0; at < tarBlock; at += 8 {
		eight := binary.LittleEndian.Uint64(h[at:])
		sum += eight&lanes + eight>>8&lanes
	}
	sum = sum&0xffff + sum>>16&0xffff + sum>>32&0xffff + sum>>48
	for _, c := range h[148:156] {
		sum += ' ' - uint64(c)
	}
	return int64(sum)
}
