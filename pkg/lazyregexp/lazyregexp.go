// Package lazyregexp compiles regular expressions when they are first used. A
// program begins by compiling those of all its packages, of which most commands
// use none: a short one would spend more time on them than on its work.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns a function that returns the expression text, compiled at the first
// call. It panics where text does not compile. It may be called concurrently.
func New(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
