package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// What names and texts are made of. With them, a stanza has 790 bytes on
// average, a package depends on 5 others, and an index shrinks to a quarter when
// packed: so it is in main of Debian 12.
var (
	namePrefixes = []string{"", "lib", "python3-", "golang-github-", "node-", "librust-", "r-cran-", "ruby-", "fonts-"}
	nameSuffixes = []string{"", "", "-dev", "-doc", "-data", "-perl", "-common", "1", "-dbg"}
	words        = strings.Fields(`archive binary cache daemon editor filter graph header index journal kernel layout
		manager network object parser query reader shell terminal unicode viewer window xml yaml zone`)
)

// stanzas returns the text of a Packages index, whose packages are the same
// each time.
func stanzas(count int) []byte {
	random := rand.New(rand.NewPCG(12, 60000))
	names := make([]string, count)
	var text bytes.Buffer
	for i := range names {
		names[i] = fmt.Sprintf("%s%s-%s%d%s", one(random, namePrefixes), one(random, words), one(random, words), i, one(random, nameSuffixes))
		if i > 0 {
			text.WriteByte('\n')
		}
		writeStanza(&text, random, names[:i+1])
	}
	return text.Bytes()
}

// writeStanza writes the last of names, which depends on some of the others.
func writeStanza(text *bytes.Buffer, random *rand.Rand, names []string) {
	name := names[len(names)-1]
	source := one(random, words) + "-" + one(random, words)
	version := fmt.Sprintf("%d.%d.%d-%d", random.IntN(9), random.IntN(30), random.IntN(9), 1+random.IntN(4))
	fmt.Fprintf(text, "Package: %s\nSource: %s\nVersion: %s\nInstalled-Size: %d\n", name, source, version, random.IntN(90000))
	fmt.Fprintf(text, "Maintainer: Debian %s Maintainers <pkg-%s-maintainers@lists.alioth.debian.org>\nArchitecture: amd64\n", one(random, words), one(random, words))
	if depends := relations(random, names); depends != "" {
		fmt.Fprintf(text, "Depends: %s\n", depends)
	}
	fmt.Fprintf(text, "Description: %s\nHomepage: https://www.example.org/projects/%s\nDescription-md5: %s\n", sentence(random), source, hexadecimal(random, 32))
	if random.IntN(2) == 0 {
		fmt.Fprintf(text, "Tag: role::%s, implemented-in::%s\nMulti-Arch: same\n", one(random, words), one(random, words))
	}
	fmt.Fprintf(text, "Section: %s\nPriority: optional\nFilename: pool/main/%c/%s/%s_%s_amd64.deb\nSize: %d\nMD5sum: %s\nSHA256: %s\n",
		one(random, words), source[0], source, name, version, random.IntN(9000000), hexadecimal(random, 32), hexadecimal(random, 64))
}

// relations names up to ten packages, those often on which many depend.
func relations(random *rand.Rand, names []string) string {
	var all []string
	for range random.IntN(11) {
		popular := random.Float64()
		name := names[int(popular*popular*popular*float64(len(names)))]
		if random.IntN(2) == 0 {
			name = fmt.Sprintf("%s (>= %d.%d)", name, random.IntN(3), random.IntN(20))
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

func sentence(random *rand.Rand) string {
	all := make([]string, 4+random.IntN(5))
	for i := range all {
		all[i] = one(random, words)
	}
	return strings.Join(all, " ")
}

func hexadecimal(random *rand.Rand, digits int) string {
	const hex = "0123456789abcdef"
	all := make([]byte, digits)
	for i := range all {
		all[i] = hex[random.IntN(len(hex))]
	}
	return string(all)
}

func one(random *rand.Rand, of []string) string { return of[random.IntN(len(of))] }
