package xz

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	xi2 "github.com/xi2/xz"
)

const limit = 1 << 20

// contents are what is packed for tests: text, noise, runs, programs' tables,
// and all of them in one.
func contents() map[string][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	table := make([]byte, 0, 200_000)
	for i := range 50_000 {
		table = append(table, byte(i), byte(i>>8), byte(i>>3&0xf0), byte(random.Uint32N(4)))
	}
	text := []byte(strings.Repeat("Package: shop-web\nVersion: 1.0\nDescription: a shop\n", 300))
	for range 3000 {
		text = append(text, []string{"the ", "of ", "install", "\n", "web", " 1.", "0"}[random.Uint32N(7)]...)
	}
	return map[string][]byte{
		"empty": {}, "byte": {7}, "short": []byte("hello\n"), "zeros": make([]byte, 300_000),
		"text": text, "noise": noise, "table": table, "all": slices.Concat(text, noise, table, text),
	}
}

func pack(t testing.TB, content []byte, options ...string) []byte {
	t.Helper()
	cmd := exec.Command("xz", append([]string{"-c"}, options...)...)
	cmd.Stdin = bytes.NewReader(content)
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("xz is not installed")
	}
	if err != nil {
		t.Fatalf("xz %q: %v", options, err)
	}
	return out
}

// simple are the ways of packing that Decode must know; the first is dpkg-deb's
// with one thread, the second its with several.
var simple = [][]string{
	{"-6", "--check=crc32"},
	{"-6", "-T2", "--check=crc32"},
	{"-6"},
	{"-0"},
	{"-9"},
	{"--lzma2=preset=6,lc=0,lp=4,pb=4"},
	{"--lzma2=preset=6,lc=4,lp=0,pb=0"},
	{"--lzma2=preset=6,lc=1,lp=3,pb=1"},
	{"--lzma2=preset=6,dict=4KiB"},
	{"--lzma2=preset=6,dict=96KiB"},
}

func TestDecode(t *testing.T) {
	var d Decoder // one for all, as it is used
	for name, content := range contents() {
		for _, options := range simple {
			got, ok := d.Decode(pack(t, content, options...), limit)
			if len(content) == 0 {
				if ok && len(got) > 0 {
					t.Errorf("%s, xz %q: got %d bytes", name, options, len(got))
				}
				continue // a file without a block, which streams' decoders read
			}
			if !ok || !bytes.Equal(got, content) {
				t.Errorf("%s, xz %q: ok is %v, %d bytes, want %d", name, options, ok, len(got), len(content))
			}
		}
	}
}

// TestDecodeLeavesToOthers has files that are good, and not for Decode.
func TestDecodeLeavesToOthers(t *testing.T) {
	content := contents()["all"]
	for _, options := range [][]string{
		{"--check=sha256"}, {"--check=none"}, {"--x86", "--lzma2"}, {"--delta=dist=4", "--lzma2"}, {"--block-size=65536"},
	} {
		if _, ok := new(Decoder).Decode(pack(t, content, options...), limit); ok {
			t.Errorf("xz %q: it was decoded", options)
		}
	}
	file := pack(t, content)
	if _, ok := new(Decoder).Decode(file, len(content)-1); ok {
		t.Error("more than the limit was decoded")
	}
	if _, ok := new(Decoder).Decode(slices.Concat(file, file), limit); ok {
		t.Error("two streams were decoded")
	}
	if _, ok := new(Decoder).Decode(append(file, 0, 0, 0, 0), limit); ok {
		t.Error("padding after the stream was decoded")
	}
}

// TestDecodeDamaged flips each bit, and cuts the file at each byte.
func TestDecodeDamaged(t *testing.T) {
	content := contents()["text"][14_000:17_000]
	file := pack(t, content)
	var d Decoder
	for i := range len(file) * 8 {
		bad := bytes.Clone(file)
		bad[i/8] ^= 1 << (i % 8)
		if _, ok := d.Decode(bad, limit); ok {
			t.Errorf("with bit %d flipped, it was decoded", i)
		}
	}
	for n := range file {
		if _, ok := d.Decode(file[:n], limit); ok {
			t.Errorf("cut to %d of %d bytes, it was decoded", n, len(file))
		}
	}
	if got, ok := d.Decode(file, limit); !ok || !bytes.Equal(got, content) {
		t.Error("after damaged files, a good one was not decoded")
	}
}

// unpack is the reference.
func unpack(file []byte) ([]byte, error) {
	r, err := xi2.NewReader(bytes.NewReader(file), 0)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, limit+1))
}

// FuzzDecode holds that what Decode accepts is what the reference unpacks.
func FuzzDecode(f *testing.F) {
	for _, content := range contents() {
		for _, options := range simple[:3] {
			f.Add(pack(f, content[:min(len(content), 2000)], options...))
		}
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, file []byte) {
		got, ok := d.Decode(file, limit)
		if !ok {
			return
		}
		if want, err := unpack(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("got %d bytes, the reference %d (%v)", len(got), len(want), err)
		}
	})
}

// FuzzLZMA2 fuzzes below the checksums, which keep FuzzDecode from going deep:
// the input is what stands in a block.
func FuzzLZMA2(f *testing.F) {
	for _, content := range contents() {
		if _, data, ok := cutHeader(pack(f, content[:min(len(content), 2000)])); ok {
			f.Add(data)
		}
	}
	var l lzma
	f.Fuzz(func(t *testing.T, data []byte) {
		out, rest, ok := l.decode(data, 8<<20, limit)
		if !ok {
			return
		}
		want, err := unpack(fileOf(data[:len(data)-len(rest)], out))
		if err != nil || !bytes.Equal(out, want) {
			t.Errorf("got %d bytes, the reference %d (%v)", len(out), len(want), err)
		}
	})
}

// BenchmarkDecode unpacks a member of a small package. No member comes again soon:
// a processor would learn its bits by heart.
func BenchmarkDecode(b *testing.B) {
	text := contents()["text"][15_300:]
	members := make([][]byte, 200)
	for i := range members {
		at := i * (len(text) - 1000) / len(members)
		members[i] = pack(b, append(text[at:at+1000:at+1000], make([]byte, 4000)...))
	}
	var d Decoder
	for i := 0; b.Loop(); i++ {
		if _, ok := d.Decode(members[i%len(members)], limit); !ok {
			b.Fatal("it was not decoded")
		}
	}
}
