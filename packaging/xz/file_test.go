package xz

import (
	"encoding/binary"
	"hash/crc32"
)

// fileOf puts a block around data, which unpacks to content.
func fileOf(data, content []byte) []byte {
	sum := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)) }
	pad := func(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }
	flags := []byte{0, checkCRC32}
	header := sum(pad([]byte{2, 0, 0x21, 1, 22})) // 12 bytes; a dictionary of 8 MiB
	index := binary.AppendUvarint([]byte{0, 1}, uint64(len(header)+len(data)+4))
	index = sum(pad(binary.AppendUvarint(index, uint64(len(content)))))
	footer := append(binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1)), flags...)

	file := append([]byte(beginCRC32[:6]), sum(flags)...)
	file = pad(append(append(file, header...), data...))
	file = binary.LittleEndian.AppendUint32(file, crc32.ChecksumIEEE(content))
	file = append(file, index...)
	file = binary.LittleEndian.AppendUint32(file, crc32.ChecksumIEEE(footer))
	return append(append(file, footer...), "YZ"...)
}
