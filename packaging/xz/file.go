package xz

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"hash/crc64"
)

const (
	headerMagic = "\xfd7zXZ\x00"
	footerMagic = "YZ"
	edgeSize    = 12 // of the stream's header and of its footer
	checkCRC32  = 1
	checkCRC64  = 4
	lzma2       = 0x21
)

var crc64Table = crc64.MakeTable(crc64.ECMA)

// Decoder unpacks files, one after the other. The zero value is ready for use;
// one Decoder is for one goroutine at a time.
type Decoder struct {
	lzma lzma
	out  []byte
}

// Decode returns what file unpacks to. The bytes are the decoder's, and valid
// until the next call.
//
// ok is false if that would be more than limit bytes, if the file is damaged in
// any way, and if it is none of the simple ones: a single stream of one block
// with the filter LZMA2 alone, checked by CRC32 or CRC64.
func (d *Decoder) Decode(file []byte, limit int) (content []byte, ok bool) {
	b, ok := parseFile(file)
	if !ok || b.size > uint64(limit) {
		return nil, false
	}
	if uint64(cap(d.out)) < b.size {
		d.out = make([]byte, b.size)
	}
	content = d.out[:b.size]
	return content, d.lzma.decode(content, b.data, b.dictionary) && b.checks(content)
}

// block is the one block of a file.
type block struct {
	data       []byte // LZMA2
	size       uint64 // of what it unpacks to
	dictionary uint32
	check      []byte // of what it unpacks to
}

// checks compares the check with that of the content.
func (b block) checks(content []byte) bool {
	if len(b.check) == 4 {
		return binary.LittleEndian.Uint32(b.check) == crc32.ChecksumIEEE(content)
	}
	return binary.LittleEndian.Uint64(b.check) == crc64.Checksum(content, crc64Table)
}

// parseFile checks header, footer and index, and returns the block between them.
func parseFile(file []byte) (b block, ok bool) {
	if len(file) < 2*edgeSize || len(file)%4 != 0 {
		return b, false
	}
	header, footer := file[:edgeSize], file[len(file)-edgeSize:]
	flags := header[6:8]
	if string(header[:6]) != headerMagic || string(footer[10:]) != footerMagic || !bytes.Equal(flags, footer[8:10]) ||
		!sumsTo(flags, header[8:]) || !sumsTo(footer[4:10], footer) {
		return b, false
	}
	checkSize := map[[2]byte]int{{0, checkCRC32}: 4, {0, checkCRC64}: 8}[[2]byte(flags)]
	middle := file[edgeSize : len(file)-edgeSize]
	indexSize := (uint64(binary.LittleEndian.Uint32(footer[4:])) + 1) * 4
	if checkSize == 0 || indexSize > uint64(len(middle)) {
		return b, false
	}
	at := uint64(len(middle)) - indexSize
	unpadded, size, ok := parseIndex(middle[at:])
	if !ok || unpadded > at || (unpadded+3)/4*4 != at {
		return b, false
	}
	return parseBlock(middle[:at], int(at-unpadded), checkSize, size)
}

// parseIndex reads an index of one record.
func parseIndex(index []byte) (unpadded, size uint64, ok bool) {
	end := len(index) - 4
	if end < 4 || index[0] != 0 || index[1] != 1 || !sumsTo(index[:end], index[end:]) {
		return 0, 0, false
	}
	rest := index[2:end]
	unpadded, rest, ok1 := number(rest)
	size, rest, ok2 := number(rest)
	return unpadded, size, ok1 && ok2 && len(rest) < 4 && zero(rest)
}

// parseBlock reads a block of header, data, padding and check, which the index
// says unpacks to size bytes.
func parseBlock(all []byte, padding, checkSize int, size uint64) (b block, ok bool) {
	if len(all) == 0 {
		return b, false
	}
	headerSize := (int(all[0]) + 1) * 4
	end := len(all) - checkSize - padding
	if headerSize < 8 || headerSize > end || !zero(all[end:end+padding]) {
		return b, false
	}
	b = block{data: all[headerSize:end], size: size, check: all[end+padding:]}
	header := all[:headerSize-4]
	if !sumsTo(header, all[headerSize-4:]) {
		return b, false
	}
	b.dictionary, ok = parseBlockHeader(header, uint64(len(b.data)), size)
	return b, ok
}

// parseBlockHeader returns the size of the dictionary. The sizes before and
// after unpacking are optional.
func parseBlockHeader(header []byte, packed, size uint64) (dictionary uint32, ok bool) {
	const hasPacked, hasSize = 0x40, 0x80
	flags, rest := header[1], header[2:]
	if flags&^(hasPacked|hasSize) != 0 { // also the number of further filters
		return 0, false
	}
	if flags&hasPacked != 0 {
		if rest, ok = expect(rest, packed); !ok {
			return 0, false
		}
	}
	if flags&hasSize != 0 {
		if rest, ok = expect(rest, size); !ok {
			return 0, false
		}
	}
	if len(rest) < 3 || rest[0] != lzma2 || rest[1] != 1 || !zero(rest[3:]) {
		return 0, false
	}
	return dictionarySize(rest[2])
}

// dictionarySize undoes the encoding of 2^n and 2^n + 2^(n-1) bytes. The sizes
// from 2 GiB on are not known: no file in memory needs them.
func dictionarySize(bits byte) (size uint32, ok bool) {
	return (2 | uint32(bits&1)) << (bits/2 + 11), bits < 38
}

// number reads an integer of seven bits a byte, the lowest first.
func number(data []byte) (n uint64, rest []byte, ok bool) {
	for i, b := range data[:min(9, len(data))] {
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return n, data[i+1:], b != 0 || i == 0
		}
	}
	return 0, nil, false
}

// expect reads an integer that must be want.
func expect(data []byte, want uint64) (rest []byte, ok bool) {
	n, rest, ok := number(data)
	return rest, ok && n == want
}

// sumsTo tells whether the CRC32 of data begins sum.
func sumsTo(data, sum []byte) bool {
	return crc32.ChecksumIEEE(data) == binary.LittleEndian.Uint32(sum)
}

func zero(padding []byte) bool {
	for _, b := range padding {
		if b != 0 {
			return false
		}
	}
	return true
}
