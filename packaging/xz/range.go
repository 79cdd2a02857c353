package xz

// A probability is that of a zero, in units of 2^-11, and moves by a 32nd of
// what it lacks with every bit that is read.
const (
	one      = 1 << 11
	moveBits = 5
	top      = 1 << 24 // below it, the range takes another byte
)

// rangeDecoder reads bits from the input of one chunk. Beyond the end it reads
// zeros, and finished is false then.
//
// Its methods are written out where a function for one step would be more
// beautiful: they are what unpacking takes its time for, and the state must stay
// in registers from bit to bit.
type rangeDecoder struct {
	size, code uint32
	in         []byte
	used       int // bytes of it
}

// begin starts a chunk; the first byte of its five is always zero.
func (r *rangeDecoder) begin(in []byte) bool {
	if len(in) < 5 || in[0] != 0 {
		return false
	}
	*r = rangeDecoder{^uint32(0), uint32(in[1])<<24 | uint32(in[2])<<16 | uint32(in[3])<<8 | uint32(in[4]), in, 5}
	return true
}

// finished tells whether the chunk was read to its end, and no further.
func (r *rangeDecoder) finished() bool {
	if r.size < top {
		r.size, r.code = r.size<<8, r.code<<8|r.next()
	}
	return r.used == len(r.in) && r.code == 0
}

func (r *rangeDecoder) next() (b uint32) {
	if r.used < len(r.in) {
		b = uint32(r.in[r.used])
	}
	r.used++
	return b
}

// bit reads a bit whose probability is p.
func (r *rangeDecoder) bit(p *uint16) bool {
	if r.size < top {
		r.size, r.code = r.size<<8, r.code<<8|r.next()
	}
	bound := r.size >> 11 * uint32(*p)
	if r.code < bound {
		r.size = bound
		*p += (one - *p) >> moveBits
		return false
	}
	r.size -= bound
	r.code -= bound
	*p -= *p >> moveBits
	return true
}

// tree reads bits, the highest first, until they make a number of at least
// limit; the number before a bit names the probability.
func (r *rangeDecoder) tree(probs []uint16, limit uint32) uint32 {
	size, code, in, used, n := r.size, r.code, r.in, r.used, uint32(1)
	for n < limit {
		if size < top {
			size, code = size<<8, code<<8
			if used < len(in) {
				code |= uint32(in[used])
			}
			used++
		}
		p := uint32(probs[n])
		bound := size >> 11 * p
		if code < bound {
			size = bound
			probs[n] = uint16(p + (one-p)>>moveBits)
			n <<= 1
		} else {
			size -= bound
			code -= bound
			probs[n] = uint16(p - p>>moveBits)
			n = n<<1 + 1
		}
	}
	r.size, r.code, r.used = size, code, used
	return n
}

// reverse reads bits, the lowest first.
func (r *rangeDecoder) reverse(probs []uint16, bits uint32) (value uint32) {
	n := uint32(1)
	for i := range bits {
		bit := uint32(0)
		if r.bit(&probs[n]) {
			bit = 1
		}
		n = n<<1 | bit
		value |= bit << i
	}
	return value
}

// direct reads bits that are zero as often as not, the highest first.
func (r *rangeDecoder) direct(bits uint32) (value uint32) {
	for range bits {
		if r.size < top {
			r.size, r.code = r.size<<8, r.code<<8|r.next()
		}
		r.size >>= 1
		value <<= 1
		if r.code >= r.size {
			r.code -= r.size
			value++
		}
	}
	return value
}

// matched reads a literal of which match is a guess: while the bits agree, those
// of the guess choose the probabilities.
func (r *rangeDecoder) matched(probs *[literalSize]uint16, match uint32) byte {
	size, code, n := r.size, r.code, uint32(1)
	offset := uint32(0x100)
	for n < 0x100 {
		if size < top {
			size, code = size<<8, code<<8|r.next()
		}
		match <<= 1
		guess := match & offset
		p := &probs[(offset+guess+n)%literalSize] // always less; this spares a check
		bound := size >> 11 * uint32(*p)
		n <<= 1
		if code < bound {
			size = bound
			*p += (one - *p) >> moveBits
			offset &^= guess
		} else {
			size -= bound
			code -= bound
			*p -= *p >> moveBits
			n++
			offset &= guess
		}
	}
	r.size, r.code = size, code
	return byte(n)
}
