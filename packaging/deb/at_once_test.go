package deb

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// readByLibrary reads an archive as archive/tar does.
func readByLibrary(archive []byte) (files []plainFile, err error) {
	for tr := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			return nil, err
		}
		files = append(files, plainFile{tarEntry{h.Name, h.Linkname, h.Typeflag, h.Size}, content})
	}
}

func same(a, b plainFile) bool { return a.tarEntry == b.tarEntry && bytes.Equal(a.content, b.content) }

// samples are archives, and whether they are plain.
func samples(t testing.TB) map[string]bool {
	long := strings.Repeat("folder/", 20)
	return map[string]bool{
		tarOf(t, entry{name: "./"}, entry{name: "./control", text: testControl}, entry{name: "./md5sums", text: ""}):     true,
		tarOf(t, entry{name: "l", link: "../x", kind: tar.TypeSymlink}, entry{name: "h", link: "l", kind: tar.TypeLink}): true,
		tarOf(t, entry{name: strings.Repeat("n", 100), text: strings.Repeat("x", 512)}):                                  true,
		tarOf(t, entry{name: long + "prefix"}):            false,
		tarOf(t, entry{name: long + long + "pax"}):        false,
		tarOf(t, entry{name: "pax\u00e9"}):                false,
		tarOf(t, entry{name: "fifo", kind: tar.TypeFifo}): false,
		tarOf(t, entry{name: "cut", text: "text"})[:600]:  false,
		tarOf(t):           true,
		"":                 false,
		"no tar":           false,
		tarOf(t) + "after": true, // dpkg and archive/tar do not look there either
	}
}

func TestPlainFiles(t *testing.T) {
	for archive, plain := range samples(t) {
		got, ok := plainFiles(nil, []byte(archive))
		if ok != plain {
			t.Errorf("%.100q: ok is %v", archive, ok)
		}
		if want, err := readByLibrary([]byte(archive)); ok && (err != nil || !slices.EqualFunc(got, want, same)) {
			t.Errorf("%.100q: got %v, want %v (%v)", archive, got, want, err)
		}
	}
}

// TestAtOnceDpkgDeb holds that what dpkg-deb writes is read at once.
func TestAtOnceDpkgDeb(t *testing.T) {
	needs(t, "dpkg-deb")
	archive, err := os.ReadFile(dpkgDeb(t, testControl, "-Zxz"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := open(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []arMember{p.control, p.data} {
		var a atOnce
		content, ok := a.decoder.Decode(archive[m.offset:m.offset+m.size], smallUnpacked)
		if !ok {
			t.Errorf("%s is not unpacked at once", m.name)
		}
		if files, ok := plainFiles(nil, content); !ok || len(files) == 0 {
			t.Errorf("%s is not read at once: %v", m.name, files)
		}
	}
}

// FuzzPlainFiles holds that archive/tar reads what is taken as plain to the same.
func FuzzPlainFiles(f *testing.F) {
	for archive := range samples(f) {
		f.Add([]byte(archive), 148, byte(0))
	}
	f.Fuzz(func(t *testing.T, archive []byte, at int, by byte) {
		archive = slices.Clone(archive) // the fuzzer's own must stay
		mendSums(archive, at, by)
		got, ok := plainFiles(nil, archive)
		if !ok {
			return
		}
		if want, err := readByLibrary(archive); err != nil || !slices.EqualFunc(got, want, same) {
			t.Errorf("got %v, archive/tar %v (%v)", got, want, err)
		}
	})
}

// mendSums changes the byte at a place, and gives each block the checksum that
// a header needs, which fuzzing would not find.
func mendSums(archive []byte, at int, by byte) {
	if 0 <= at && at < len(archive) {
		archive[at] ^= by
	}
	for block := archive; len(block) >= tarBlock; block = block[tarBlock:] {
		h := (*[tarBlock]byte)(block)
		if string(h[257:262]) == "ustar" {
			sum := checksum(h)
			for i := range 6 {
				h[148+i] = '0' + byte(sum>>(3*(5-i))&7)
			}
			h[154], h[155] = 0, ' '
		}
	}
}
