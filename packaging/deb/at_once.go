package deb

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/aptfleet/aptfleet/packaging/xz"
)

// What is at most this large is unpacked at once: nearly all control members,
// and the data of small packages. It is what a reader of packages in tens of
// thousands spends its time on.
const (
	smallPacked   = 64 << 10
	smallUnpacked = 512 << 10
)

// atOnce holds a small member in memory.
type atOnce struct {
	packed  [smallPacked]byte
	decoder xz.Decoder
}

var atOnces = sync.Pool{New: func() any { return new(atOnce) }}

// eachAtOnce is eachEntry for small members of xz. Where it is not done, the
// member is for decoders of streams, also to say what is wrong with it.
func (p packageFile) eachAtOnce(m arMember, limit int64, fn func(tarEntry, io.Reader) error) (done bool, err error) {
	if !strings.HasSuffix(m.name, ".xz") || m.size > smallPacked {
		return false, nil
	}
	a := atOnces.Get().(*atOnce)
	defer atOnces.Put(a)
	packed := a.packed[:m.size]
	if _, err := p.r.ReadAt(packed, m.offset); err != nil && !errors.Is(err, io.EOF) {
		return true, m.explain(err)
	}
	content, ok := a.decoder.Decode(packed, int(min(limit, smallUnpacked)))
	if !ok {
		return false, nil
	}
	return true, m.explain(eachEntry(bytes.NewReader(content), fn))
}
