package hostjob

import "bytes"

// maxTail is how much of a log is kept to find a cause in.
const maxTail = 64 << 10

// tail keeps the end of a log.
type tail struct{ buf []byte }

func (t *tail) write(p []byte) {
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*maxTail { // trimmed seldom, so that it costs little
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-maxTail:]...)
	}
}

func (t *tail) bytes() []byte { return t.buf }

// end returns the last two lines, all that a lock needs to be told.
func (t *tail) end() []byte {
	b := bytes.TrimRight(t.buf, "\n")
	for range 2 {
		i := bytes.LastIndexByte(b, '\n')
		if i < 0 {
			return t.buf
		}
		b = b[:i]
	}
	return t.buf[len(b)+1:]
}
