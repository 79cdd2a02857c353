package xz

import "slices"

// The control byte of a chunk: its kind, and what it resets.
const (
	chunkEnd        = 0x00
	chunkPlainFirst = 0x01 // not packed, with a new dictionary
	chunkPlain      = 0x02
	chunkPacked     = 0x80 // and above; five bits are those above the lowest 16 of its size
	resetState      = 0xa0 // and above
	newProperties   = 0xc0 // and above
	newDictionary   = 0xe0 // and above
)

// decode unpacks the chunks with which data begins to at most limit bytes, and
// returns what follows them.
func (l *lzma) decode(data []byte, dictionary uint32, limit int) (content, rest []byte, ok bool) {
	l.out, l.start, l.reach = l.out[:0], 0, dictionary
	needDictionary, needProperties := true, true
	for len(data) > 0 && data[0] != chunkEnd {
		control := data[0]
		if control >= newDictionary || control == chunkPlainFirst {
			l.start, needDictionary, needProperties = len(l.out), false, true
		}
		if control >= newProperties {
			needProperties = false
		}
		switch {
		case needDictionary, needProperties && control >= chunkPacked:
			return nil, nil, false
		case control >= chunkPacked:
			data, ok = l.packed(data, limit)
		default:
			data, ok = l.plain(data, limit)
		}
		if !ok {
			return nil, nil, false
		}
	}
	if len(data) == 0 {
		return nil, nil, false
	}
	return l.out, data[1:], true
}

// plain copies the chunk with which data begins, and returns what follows it.
func (l *lzma) plain(data []byte, limit int) (rest []byte, ok bool) {
	if len(data) < 3 || data[0] > chunkPlain {
		return nil, false
	}
	size := int(data[1])<<8 + int(data[2]) + 1
	data = data[3:]
	if size > len(data) || size > limit-len(l.out) {
		return nil, false
	}
	l.out = append(l.out, data[:size]...)
	return data[size:], true
}

// packed unpacks the chunk with which data begins, and returns what follows it.
func (l *lzma) packed(data []byte, limit int) (rest []byte, ok bool) {
	if len(data) < 6 {
		return nil, false
	}
	control := data[0]
	size := int(control&0x1f)<<16 + int(data[1])<<8 + int(data[2]) + 1
	packed := int(data[3])<<8 + int(data[4]) + 1
	data = data[5:]
	if control >= newProperties {
		if !l.setProperties(data[0]) {
			return nil, false
		}
		data = data[1:]
	}
	if control >= resetState {
		l.reset()
	}
	if packed > len(data) || size > limit-len(l.out) || !l.begin(data[:packed]) {
		return nil, false
	}
	l.at = len(l.out)
	l.out = slices.Grow(l.out, size)[:l.at+size]
	return data[packed:], l.run() && l.finished()
}
