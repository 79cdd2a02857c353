package xz

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

// decode unpacks data, all of it, to exactly fill out.
func (l *lzma) decode(out, data []byte, dictionary uint32) bool {
	l.out, l.at, l.start, l.reach = out, 0, 0, dictionary
	defer func() { l.out, l.in = nil, nil }()
	needDictionary, needProperties := true, true
	for len(data) > 0 {
		control := data[0]
		if control == chunkEnd {
			return len(data) == 1 && l.at == len(out)
		}
		if control >= newDictionary || control == chunkPlainFirst {
			l.start, needDictionary, needProperties = l.at, false, true
		}
		if control >= newProperties {
			needProperties = false
		}
		ok := !needDictionary
		if control >= chunkPacked {
			data, ok = l.packed(data, ok && !needProperties)
		} else {
			data, ok = l.plain(data, ok && control <= chunkPlain)
		}
		if !ok {
			return false
		}
	}
	return false
}

// plain copies the chunk with which data begins, and returns what follows it.
func (l *lzma) plain(data []byte, allowed bool) (rest []byte, ok bool) {
	if !allowed || len(data) < 3 {
		return nil, false
	}
	size := int(data[1])<<8 + int(data[2]) + 1
	data = data[3:]
	if size > len(data) || size > len(l.out)-l.at {
		return nil, false
	}
	l.at += copy(l.out[l.at:], data[:size])
	return data[size:], true
}

// packed unpacks the chunk with which data begins, and returns what follows it.
func (l *lzma) packed(data []byte, allowed bool) (rest []byte, ok bool) {
	if !allowed || len(data) < 6 {
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
	if packed > len(data) || size > len(l.out)-l.at || !l.begin(data[:packed]) {
		return nil, false
	}
	return data[packed:], l.run(l.at+size) && l.finished()
}
