package xz

// probability is that of a zero, in units of 2^-11, less that of evens: so its
// zero value knows nothing yet. Every bit that is read moves it by a 32nd of
// what it lacks.
type probability int16

const (
	even     = 1 << 10
	moveBits = 5
	top      = 1 << 24 // below it, the range takes another byte

	// With it, one formula moves a probability up or down, p being that of a zero:
	// p - (p-towardsZero)>>moveBits is p + (2*even-p)>>moveBits.
	towardsZero = 2*even - 1<<moveBits + 1
)

// rangeDecoder reads bits from the input of one chunk. Beyond the end it reads
// zeros, and finished is false then.
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
	r.fill()
	return r.used == len(r.in) && r.code == 0
}

// fill takes another byte if there is need of one.
func (r *rangeDecoder) fill() {
	if r.size >= top {
		return
	}
	r.size, r.code = r.size<<8, r.code<<8
	if r.used < len(r.in) {
		r.code |= uint32(r.in[r.used])
	}
	r.used++
}

// bit reads a bit.
func (r *rangeDecoder) bit(p *probability) uint32 {
	r.fill()
	bound := r.size >> 11 * uint32(even+*p)
	if r.code < bound {
		r.size = bound
		*p += (even - *p) >> moveBits
		return 0
	}
	r.size -= bound
	r.code -= bound
	*p -= (even + *p) >> moveBits
	return 1
}

// tree reads bits, the highest first, until they and the ones before them, n,
// make a number of at least limit; the number before a bit names its probability.
// bit and fill are written out, for the range to stay in registers.
func (r *rangeDecoder) tree(probs []probability, n, limit uint32) uint32 {
	size, code, in, used := r.size, r.code, r.in, r.used
	for n < limit {
		if size < top {
			size, code = size<<8, code<<8
			if used < len(in) {
				code |= uint32(in[used])
			}
			used++
		}
		p := probs[n]
		bound := size >> 11 * uint32(even+p)
		if code < bound {
			size = bound
			probs[n] = p + (even-p)>>moveBits
			n <<= 1
		} else {
			size -= bound
			code -= bound
			probs[n] = p - (even+p)>>moveBits
			n = n<<1 + 1
		}
	}
	r.size, r.code, r.used = size, code, used
	return n
}

// eight is tree for the eight bits of a literal, which is most of what unpacking
// does. Such bits are as good as random, and a processor would guess every other
// wrong: so they are no branches, but masks, and the probabilities of both bits
// that may come next are at hand before it is known which.
func (r *rangeDecoder) eight(probs *[0x100]probability) byte {
	size, code, n, p := r.size, r.code, uint32(1), even+int32(probs[1])
	for {
		next := uint8(n << 1)
		ifZero, ifOne := even+int32(probs[next]), even+int32(probs[next|1])
		if size < top {
			size, code = size<<8, code<<8
			if r.used < len(r.in) {
				code |= uint32(r.in[r.used])
			}
			r.used++
		}
		bound := size >> 11 * uint32(p)
		zero := uint32((int64(code) - int64(bound)) >> 32) // all ones if the bit is a zero
		size += zero&(bound<<1-size) - bound
		code -= bound &^ zero
		probs[uint8(n)] = probability(p - even - (p-int32(zero&towardsZero))>>moveBits)
		if n = n<<1 + 1 + zero; n >= 0x100 {
			r.size, r.code = size, code
			return byte(n)
		}
		p = ifOne ^ (ifZero^ifOne)&int32(zero)
	}
}

// matched reads a literal of which match is a guess: as long as the bits agree,
// they have probabilities of their own.
func (r *rangeDecoder) matched(probs []probability, match uint32) uint32 {
	n := uint32(1)
	for n < 0x100 {
		guess := match >> 7 & 1
		match <<= 1
		bit := r.bit(&probs[0x100+guess<<8+n])
		if n = n<<1 + bit; bit != guess {
			return r.tree(probs, n, 0x100)
		}
	}
	return n
}

// reverse reads bits, the lowest first.
func (r *rangeDecoder) reverse(probs []probability, bits uint32) (value uint32) {
	n := uint32(1)
	for i := range bits {
		bit := r.bit(&probs[n])
		n = n<<1 + bit
		value |= bit << i
	}
	return value
}

// direct reads bits that are zero as often as not, the highest first.
func (r *rangeDecoder) direct(bits uint32) (value uint32) {
	for range bits {
		r.fill()
		r.size >>= 1
		value <<= 1
		if r.code >= r.size {
			r.code -= r.size
			value++
		}
	}
	return value
}
