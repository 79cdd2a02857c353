package cli

import "testing"

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "Setting up app (1.0) ...\n", "Setting up app (1.0) ...\n"},
		{"no end", "half a", "half a"},
		{"overwritten", "(Reading ... 5%\r(Reading ... 100%\r(Reading ... 9 files.)\r\n", "(Reading ... 9 files.)\n"},
		{"escape sequences", "a\x1b[31mred\x1b]0;title\x07\u009bm\n", "a[31mred]0;titlem\n"},
		{"other alphabets", "Größe 大\n", "Größe 大\n"},
		{"broken text", "a\xffb\n", "a\ufffdb\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := printable(tt.in); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
