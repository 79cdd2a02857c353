package xz

// Sizes of the model.
const (
	states      = 12
	literalLast = 7 // states below it follow a literal
	posStates   = 1 << 4
	literals    = 1 << 4
	literalSize = 0x300
	minMatch    = 2
)

// The states, as far as they are named: what the last symbols were.
const (
	afterMatch    = 7 // a match that follows a literal
	afterLongRep  = 8
	afterShortRep = 9
	afterOther    = 10 // a match that follows no literal
	afterOtherRep = 11
)

// How distances are written: in slots of two for each power of two.
const (
	slots          = 64
	distanceModel  = 4  // distances up to 3 are their slot
	distanceDirect = 14 // from this slot on, most bits are direct
	alignBits      = 4
)

// lengthModel is for the length of matches.
type lengthModel struct {
	choice, choice2 probability
	low, mid        [posStates][8]probability
	high            [256]probability
}

// model is all that was learnt, but for literals.
type model struct {
	match, rep0Long        [states][posStates]probability
	rep, rep0, rep1, rep2  [states]probability
	slot                   [4][slots]probability
	special                [115]probability
	align                  [1 << alignBits]probability
	matchLength, repLength lengthModel
}

// lzma unpacks LZMA2.
type lzma struct {
	rangeDecoder
	model
	literal [literals][literalSize]probability

	out     []byte // to the end of the chunk
	at      int    // of its next byte
	start   int    // of the dictionary in out
	reach   uint32 // the size of the dictionary
	state   int
	reps    [4]uint32 // the last distances, less one
	lc      uint32    // high bits of the byte before that choose a literal's model
	lpMask  uint32    // bits of the position that do
	posMask uint32    // bits of the position that choose other probabilities
}

// reset forgets what was learnt.
func (l *lzma) reset() {
	l.model = model{}
	clear(l.literal[:(l.lpMask+1)<<l.lc])
	l.state, l.reps = 0, [4]uint32{}
}

// setProperties decodes lc, lp and pb.
func (l *lzma) setProperties(b byte) bool {
	lc, lp, pb := b%9, b/9%5, b/45
	if pb > 4 || lc+lp > 4 { // the latter is a rule of LZMA2
		return false
	}
	l.lc, l.lpMask, l.posMask = uint32(lc), 1<<lp-1, 1<<pb-1
	return true
}

// run unpacks symbols until out is full. What it writes may be wrong if the
// input is damaged, but never lies elsewhere.
func (l *lzma) run() bool {
	for l.at < len(l.out) {
		position := uint32(l.at-l.start) & l.posMask
		if l.bit(&l.match[l.state][position]) == 0 {
			l.putLiteral()
			continue
		}
		var length uint32
		if l.bit(&l.rep[l.state]) == 0 {
			length = l.readMatch(position)
		} else {
			length = l.readRep(position)
		}
		if !l.repeat(int(length)) {
			return false
		}
	}
	return true
}

func (l *lzma) putLiteral() {
	before := uint32(0)
	if l.at > l.start {
		before = uint32(l.out[l.at-1])
	}
	probs := l.literal[(uint32(l.at-l.start)&l.lpMask<<l.lc+before>>(8-l.lc))%literals][:]
	if l.state < literalLast {
		l.out[l.at] = l.eight((*[0x100]probability)(probs))
	} else { // after a match, whose distance was found good
		l.out[l.at] = byte(l.matched(probs, uint32(l.out[l.at-int(l.reps[0])-1])))
	}
	l.at++
	switch {
	case l.state < 4:
		l.state = 0
	case l.state < afterOther:
		l.state -= 3
	default:
		l.state -= 6
	}
}

// follow sets the state after what is no literal.
func (l *lzma) follow(literal, other int) {
	if l.state < literalLast {
		l.state = literal
	} else {
		l.state = other
	}
}

// readMatch reads a match with a new distance, and returns its length.
func (l *lzma) readMatch(position uint32) uint32 {
	l.follow(afterMatch, afterOther)
	length := l.readLength(&l.matchLength, position)
	slot := l.tree(l.slot[min(length-minMatch, 3)][:], 1, slots) - slots
	distance := slot
	if slot >= distanceModel {
		bits := slot>>1 - 1
		distance = (2 | slot&1) << bits
		if slot < distanceDirect {
			distance += l.reverse(l.special[distance-slot:], bits)
		} else {
			distance += l.direct(bits-alignBits) << alignBits
			distance += l.reverse(l.align[:], alignBits)
		}
	}
	l.reps = [4]uint32{distance, l.reps[0], l.reps[1], l.reps[2]}
	return length
}

// readRep reads a match with one of the last distances, and returns its length.
func (l *lzma) readRep(position uint32) uint32 {
	r := l.reps
	switch {
	case l.bit(&l.rep0[l.state]) == 0:
		if l.bit(&l.rep0Long[l.state][position]) == 0 {
			l.follow(afterShortRep, afterOtherRep)
			return 1
		}
	case l.bit(&l.rep1[l.state]) == 0:
		l.reps = [4]uint32{r[1], r[0], r[2], r[3]}
	case l.bit(&l.rep2[l.state]) == 0:
		l.reps = [4]uint32{r[2], r[0], r[1], r[3]}
	default:
		l.reps = [4]uint32{r[3], r[0], r[1], r[2]}
	}
	l.follow(afterLongRep, afterOtherRep)
	return l.readLength(&l.repLength, position)
}

func (l *lzma) readLength(m *lengthModel, position uint32) uint32 {
	switch {
	case l.bit(&m.choice) == 0:
		return minMatch + l.tree(m.low[position][:], 1, 8) - 8
	case l.bit(&m.choice2) == 0:
		return minMatch + 8 + l.tree(m.mid[position][:], 1, 8) - 8
	}
	return minMatch + 16 + l.tree(m.high[:], 1, 256) - 256
}

// repeat copies length bytes from the last distance, none beyond the end of out.
// A copy may overlap what it writes: the distance is the period of a pattern
// then, which doubles with every round.
func (l *lzma) repeat(length int) bool {
	if uint64(l.reps[0]) >= uint64(l.at-l.start) || l.reps[0] >= l.reach || length > len(l.out)-l.at {
		return false
	}
	from := l.at - int(l.reps[0]) - 1
	for length > 0 {
		n := copy(l.out[l.at:l.at+length], l.out[from:l.at])
		l.at += n
		length -= n
	}
	return true
}
