package main

import (
	"bytes"
	"regexp"
	"testing"
)

// The large suite stands for Debian's main, so its index must weigh as much.
func TestStanzasWeighAsDebianMain(t *testing.T) {
	const count = 3000
	text := stanzas(count)
	if !bytes.Equal(text, stanzas(count)) {
		t.Error("the same packages came out different")
	}
	if got := bytes.Count(text, []byte("\n\n")) + 1; got != count {
		t.Errorf("%d stanzas, want %d", got, count)
	}
	if each := len(text) / count; each < 750 || each > 830 {
		t.Errorf("%d bytes a stanza; main of Debian 12 has 789", each)
	}
	packed, err := gzipped(text)
	if err != nil {
		t.Fatal(err)
	}
	if ratio := float64(len(packed)) / float64(len(text)); ratio < 0.20 || ratio > 0.30 {
		t.Errorf("gzip makes it %.2f of itself; main of Debian 12 is 0.24", ratio)
	}
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^Package: (\S+)$`).FindAllSubmatch(text, -1) {
		names[string(m[1])] = true
	}
	if len(names) != count {
		t.Errorf("%d names for %d packages", len(names), count)
	}
}
