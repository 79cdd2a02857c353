package cli

import (
	"strings"
	"unicode"
)

// printable takes out of a host's words what could steer a terminal. Line ends
// and tabs stay, and of a line that was written over and over, as dpkg does with
// its percents, the last state.
func printable(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		line, end := strings.CutSuffix(line, "\n")
		line = strings.TrimRight(line, "\r")
		b.WriteString(strings.Map(func(r rune) rune {
			if r == '\t' || unicode.IsPrint(r) {
				return r
			}
			return -1
		}, line[strings.LastIndexByte(line, '\r')+1:]))
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
