package cli

import (
	"strings"
	"unicode"
)

// printable takes out of a host's words what could steer a terminal. Line ends
// and tabs stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
}
