package debian

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxStanza is the size in bytes above which a stanza is not read: ten times
// the largest of Debian, and small enough for any host.
const maxStanza = 4 << 20

// StanzaReader reads the paragraphs of a control file such as Packages, one
// after the other, holding one in memory. It is not safe for concurrent use.
type StanzaReader struct {
	r    *bufio.Reader
	line int // the number of the last line read
}

// NewStanzaReader returns a reader of the stanzas of r.
func NewStanzaReader(r io.Reader) *StanzaReader {
	return &StanzaReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Next returns the next stanza, which owns its bytes, and io.EOF after the
// last. Any other error is final and names the line.
func (sr *StanzaReader) Next() (Stanza, error) {
	raw, first, err := sr.paragraph()
	if err != nil {
		return Stanza{}, err
	}
	return parseStanza(raw, first)
}

// paragraph returns the lines up to the next empty one, the last ending in a
// newline, and the number of the first.
func (sr *StanzaReader) paragraph() (raw []byte, first int, err error) {
	for {
		part, err := sr.r.ReadSlice('\n')
		begins := len(raw) == 0 || raw[len(raw)-1] == '\n'
		if begins && len(part) > 0 {
			sr.line++
		}
		switch empty := begins && len(part) == 1 && part[0] == '\n'; {
		case empty && len(raw) > 0:
			return raw, first, nil
		case empty:
			continue
		case len(raw) == 0:
			first = sr.line
		}
		raw = append(raw, part...)
		switch {
		case len(raw) > maxStanza:
			return nil, 0, fmt.Errorf("cannot read stanza: the one at line %d is larger than %d bytes", first, maxStanza)
		case err == nil || errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(raw) > 0:
			if raw[len(raw)-1] != '\n' {
				raw = append(raw, '\n')
			}
			return raw, first, nil
		default:
			return nil, 0, err
		}
	}
}
