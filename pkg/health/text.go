package health

import (
	"strconv"
	"strings"
	"unicode"
)

// MaxOutput bounds Result.Output and Report.Audit, in bytes.
const MaxOutput = 1000

// Text makes printable lines of whatever a host said: other characters are
// escaped as Go writes them, and of a long text the end is kept.
func Text(said string) string {
	const cut = "…"
	said = strings.TrimSpace(said)
	if len(said) > MaxOutput {
		said = said[len(said)-MaxOutput:]
	}
	var b strings.Builder
	for _, r := range strings.TrimSpace(said) {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	text := b.String()
	if len(text) <= MaxOutput {
		return text
	}
	text = text[len(text)-MaxOutput+len(cut):]
	return cut + strings.TrimLeftFunc(text, func(r rune) bool { return r == unicode.ReplacementChar })
}
