package xz

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"hash/crc64"
)

// What a stream begins with: a magic, the kind of check, and their CRC32.
const (
	beginCRC32 = "\xfd7zXZ\x00\x00\x01\x69\x22\xde\x36"
	beginCRC64 = "\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46"
	beginSize  = 12
	checkAt    = 7 // of the kind of check in it
	checkCRC32 = 1
	checkCRC64 = 4
)

var crc64Table = crc64.MakeTable(crc64.ECMA)

// Decoder unpacks files, one after the other. The zero value is ready for use;
// one Decoder is for one goroutine at a time.
type Decoder struct {
	lzma lzma
	tail []byte
}

// Decode returns what file unpacks to. The bytes are the decoder's, and valid
// until the next call.
//
// ok is false if that would be more than limit bytes, if the file is damaged in
// any way, and if it is none of the simple ones: a single stream of one block
// with the filter LZMA2 alone, checked by CRC32 or CRC64.
func (d *Decoder) Decode(file []byte, limit int) (content []byte, ok bool) {
	header, data, ok := cutHeader(file)
	if !ok {
		return nil, false
	}
	content, tail, ok := d.lzma.decode(data, header.dictionary, limit)
	if !ok {
		return nil, false
	}
	packed := len(data) - len(tail)
	d.tail = appendTail(d.tail[:0], file[checkAt], header.size+packed, content)
	return content, header.allows(packed, len(content)) && bytes.Equal(tail, d.tail)
}

// blockHeader says what the one block of a file holds.
type blockHeader struct {
	size                int
	packed, unpacked    uint64
	hasPacked, hasTotal bool
	dictionary          uint32 // bytes
}

// allows tells whether the sizes are those that the header gave, if it did.
func (h blockHeader) allows(packed, unpacked int) bool {
	return (!h.hasPacked || h.packed == uint64(packed)) && (!h.hasTotal || h.unpacked == uint64(unpacked))
}

// cutHeader reads the headers of stream and block, and returns what follows them.
func cutHeader(file []byte) (h blockHeader, data []byte, ok bool) {
	if len(file) < beginSize+1 || string(file[:beginSize]) != beginCRC32 && string(file[:beginSize]) != beginCRC64 {
		return h, nil, false
	}
	file = file[beginSize:]
	h.size = (int(file[0]) + 1) * 4
	if file[0] == 0 || h.size > len(file) { // 0 would be an index
		return h, nil, false
	}
	fields, sum := file[1:h.size-4], file[h.size-4:h.size]
	if crc32.ChecksumIEEE(file[:h.size-4]) != binary.LittleEndian.Uint32(sum) {
		return h, nil, false
	}
	return h, file[h.size:], h.parse(fields[0], fields[1:])
}

// parse reads the optional sizes and the description of the filter.
func (h *blockHeader) parse(flags byte, rest []byte) (ok bool) {
	const hasPacked, hasTotal, lzma2 = 0x40, 0x80, 0x21
	h.hasPacked, h.hasTotal = flags&hasPacked != 0, flags&hasTotal != 0
	if h.hasPacked {
		h.packed, rest = number(rest)
	}
	if h.hasTotal {
		h.unpacked, rest = number(rest)
	}
	if flags&^(hasPacked|hasTotal) != 0 || len(rest) < 3 || rest[0] != lzma2 || rest[1] != 1 || rest[2] >= 38 {
		return false // a further filter, another one, or a dictionary of 2 GiB and more
	}
	h.dictionary = (2 | uint32(rest[2]&1)) << (rest[2]/2 + 11)
	return len(bytes.Trim(rest[3:], "\x00")) == 0
}

// number reads an integer of seven bits a byte, the lowest first. Without one
// nothing follows it.
func number(data []byte) (n uint64, rest []byte) {
	n, used := binary.Uvarint(data)
	if used <= 0 || used > 9 || used > 1 && data[used-1] == 0 {
		return 0, nil
	}
	return n, data[used:]
}

// appendTail appends all that must follow the data of a block, of which it and
// the block's header are size bytes: padding, the check, the index and the
// footer of the stream.
func appendTail(b []byte, check byte, size int, content []byte) []byte {
	begin := len(b) - size
	b = pad(b, begin)
	if check == checkCRC32 {
		b, size = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(content)), size+4
	} else {
		b, size = binary.LittleEndian.AppendUint64(b, crc64.Checksum(content, crc64Table)), size+8
	}
	index := len(b)
	b = binary.AppendUvarint(append(b, 0, 1), uint64(size)) // one record
	b = pad(binary.AppendUvarint(b, uint64(len(content))), index)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[index:]))
	words := uint32(len(b)-index)/4 - 1
	footer := append(binary.LittleEndian.AppendUint32(nil, words), 0, check)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(footer))
	return append(append(b, footer...), "YZ"...)
}

// pad appends zeros until the bytes from begin on are a multiple of four.
func pad(b []byte, begin int) []byte {
	for (len(b)-begin)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
