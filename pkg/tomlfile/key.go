package tomlfile

import (
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// Key is the path to a value: table names, then a key, with Index for the
// elements of arrays.
type Key []string

// Index returns the part of a Key that stands for an array's element i, counted
// from 0.
func Index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// String returns the key as one would write it: groups.web.hosts[2], with quotes
// around the parts that need them.
func (k Key) String() string {
	var b strings.Builder
	for _, part := range k {
		if strings.HasPrefix(part, "[") {
			b.WriteString(part)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(toml.Key{part}.String())
	}
	return b.String()
}

// With returns the key one or more parts deeper, and never shares k's memory.
func (k Key) With(parts ...string) Key { return append(k[:len(k):len(k)], parts...) }

// id returns the key in a form that can be compared.
func (k Key) id() string { return strings.Join(k, "\x00") }
