package debian

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
)

const shop = "Package: shop-web\n" +
	"Version: 1.0-1\n" +
	"Depends: libc6 (>= 2.34),\n  adduser\n" +
	"Conffiles:\n /etc/shop.conf d41d8cd98f00b204e9800998ecf8427e\n" +
	"Homepage:https://example.com/a:b\n" +
	"Empty:\n" +
	"Description: a shop\t\n Sells things.\n .\n  verbatim\n"

func TestStanzaKeepsItsBytes(t *testing.T) {
	for name, in := range map[string]string{"plain": shop, "empty lines around": "\n\n" + shop + "\n\n", "no last newline": strings.TrimSuffix(shop, "\n")} {
		s, err := ParseStanza([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(s.Bytes()) != shop {
			t.Errorf("%s: got %q, want %q", name, s.Bytes(), shop)
		}
	}
}

func TestStanzaLookup(t *testing.T) {
	s := mustParse(t, shop)
	for _, tt := range []struct {
		field, want string
		ok          bool
	}{
		{"Package", "shop-web", true},
		{"version", "1.0-1", true}, // names differ not by case
		{"Depends", "libc6 (>= 2.34),\n  adduser", true},
		{"Conffiles", "/etc/shop.conf d41d8cd98f00b204e9800998ecf8427e", true},
		{"Homepage", "https://example.com/a:b", true},
		{"Empty", "", true},
		{"Description", "a shop\t\n Sells things.\n .\n  verbatim", true},
		{"Nothing", "", false},
	} {
		got, ok := s.Lookup(tt.field)
		if got != tt.want || ok != tt.ok {
			t.Errorf("Lookup(%q) is %q, %v, want %q, %v", tt.field, got, ok, tt.want, tt.ok)
		}
	}
	if got := len(s.Fields()); got != 7 {
		t.Errorf("there are %d fields, want 7", got)
	}
}

func TestParseStanzaRefuses(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", "empty"},
		{"only newlines", "\n\n", "empty"},
		{"no colon", "Package: a\nVersion\n", "line 2"},
		{"continues nothing", " x\n", "continues"},
		{"no name", ": x\n", "not the name"},
		{"comment", "# x: y\n", "not the name"},
		{"hyphen", "-A: y\n", "not the name"},
		{"blank in the name", "A B: y\n", "not the name"},
		{"twice", "A: 1\na: 2\n", "twice"},
		{"two paragraphs", "A: 1\n\nB: 2\n", "blank"},
		{"line of a space", "A: 1\n \nB: 2\n", "blank"},
		{"carriage return", "A: 1\r\n", `'\r'`},
		{"null", "A: \x00\n", `'\x00'`},
	} {
		_, err := ParseStanza([]byte(tt.in))
		checkError(t, tt.name, err, tt.want)
	}
}

func TestStanzaWith(t *testing.T) {
	for _, tt := range []struct{ name, field, value, want string }{
		{"replaced in its place", "Version", "2", "A: 1\nVersion: 2\nB:  x\n y\n"},
		{"folded field replaced whole", "b", "z", "A: 1\nVersion: 1\nb: z\n"},
		{"added at the end", "C", "3", "A: 1\nVersion: 1\nB:  x\n y\nC: 3\n"},
		{"several lines", "C", "\n a\n b", "A: 1\nVersion: 1\nB:  x\n y\nC:\n a\n b\n"},
		{"empty", "C", "", "A: 1\nVersion: 1\nB:  x\n y\nC:\n"},
	} {
		s, err := mustParse(t, "A: 1\nVersion: 1\nB:  x\n y\n").With(tt.field, tt.value)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := string(s.Bytes()); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestStanzaInsert(t *testing.T) {
	s := mustParse(t, shop)
	got, err := s.Insert("Description", Field{"Filename", "pool/x.deb"}, Field{"Size", "12"})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(shop, "Description:", "Filename: pool/x.deb\nSize: 12\nDescription:", 1)
	if string(got.Bytes()) != want {
		t.Errorf("got %q, want %q", got.Bytes(), want)
	}
	checkSpans(t, got)
	if string(s.Bytes()) != shop {
		t.Error("Insert changed the stanza it was called on")
	}
	if _, err := s.Insert("", Field{"Version", "2"}); err == nil {
		t.Error("a second Version was inserted")
	}
	if _, err := s.Insert("", Field{"Size", "1"}, Field{"size", "2"}); err == nil {
		t.Error("Size was inserted twice")
	}
}

func TestStanzaRefusesInjection(t *testing.T) {
	for _, tt := range []struct{ field, value, want string }{
		{"Maintainer", "a\nEssential: yes", "begin with a space"},
		{"Maintainer", "a\n\nPackage: b", "blank"},
		{"Maintainer", "a\n \n b", "blank"},
		{"Maintainer", "a\rb", "control character"},
		{"A: b\nC", "x", "not the name"},
		{"", "x", "not the name"},
	} {
		_, err := mustParse(t, shop).With(tt.field, tt.value)
		checkError(t, tt.value, err, tt.want)
	}
}

func TestStanzaReader(t *testing.T) {
	large := "Package: big\nProvides: " + strings.Repeat("x", 200<<10) + "\n"
	for _, tt := range []struct {
		name, in string
		want     []string
		err      string
	}{
		{"none", "", nil, ""},
		{"only empty lines", "\n\n\n", nil, ""},
		{"one", "A: 1\n", []string{"A: 1\n"}, ""},
		{"no last newline", "A: 1", []string{"A: 1\n"}, ""},
		{"several", "\nA: 1\n b\n\n\nB: 2\n\n", []string{"A: 1\n b\n", "B: 2\n"}, ""},
		{"larger than the buffer", large + "\nB: 2\n", []string{large, "B: 2\n"}, ""},
		{"wrong line", "A: 1\n\n\nB: 2\nC\n", []string{"A: 1\n"}, "line 5"},
		{"too large", "A: " + strings.Repeat("x", maxStanza), nil, "larger than"},
	} {
		got, err := readAll(strings.NewReader(tt.in))
		checkError(t, tt.name, err, tt.err)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %.80q, want %.80q", tt.name, got, tt.want)
		}
	}
}

// checkSpans holds that a changed stanza knows its fields as if it were read.
func checkSpans(t *testing.T, s Stanza) {
	t.Helper()
	if read, err := ParseStanza(s.Bytes()); err != nil || !slices.Equal(read.fields, s.fields) {
		t.Errorf("%q: fields are at %v, but read at %v (%v)", s.Bytes(), s.fields, read.fields, err)
	}
}

// FuzzStanza holds that what is read is written back byte for byte, and that
// setting a field changes no other.
func FuzzStanza(f *testing.F) {
	f.Add([]byte(shop), "Size", "12")
	f.Add([]byte("A: 1\n\nB: 2\n"), "A", "\n x\n y")
	f.Add([]byte("A:\n .\n"), "B", "x\nEssential: yes")
	f.Fuzz(func(t *testing.T, data []byte, name, value string) {
		s, err := ParseStanza(data)
		if err != nil {
			return
		}
		if !bytes.Equal(bytes.Trim(data, "\n"), bytes.TrimSuffix(s.Bytes(), []byte("\n"))) {
			t.Errorf("%q was read as %q", data, s.Bytes())
		}
		changed, err := s.With(name, value)
		if err != nil {
			return
		}
		before, after := others(s, name), others(changed, name)
		if !slices.Equal(before, after) {
			t.Errorf("setting %q to %q changed %q to %q", name, value, before, after)
		}
		if n := len(changed.Fields()) - len(before); n != 1 {
			t.Errorf("setting %q to %q left %d fields of that name", name, value, n)
		}
		checkSpans(t, changed)
		if inserted, err := s.Insert(s.Fields()[0].Name, Field{name, value}); err == nil {
			checkSpans(t, inserted)
		}
	})
}

// FuzzStanzaReader holds that a file read stanza by stanza is the file without
// its empty lines.
func FuzzStanzaReader(f *testing.F) {
	f.Add([]byte(shop + "\n\n" + shop))
	f.Add([]byte("A: 1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readAll(bytes.NewReader(data))
		if err != nil {
			return
		}
		var want strings.Builder
		for line := range strings.Lines(string(data)) {
			if line != "\n" {
				want.WriteString(strings.TrimSuffix(line, "\n") + "\n")
			}
		}
		if joined := strings.Join(got, ""); joined != want.String() {
			t.Errorf("%q was read as %q", data, joined)
		}
	})
}

func others(s Stanza, name string) []Field {
	return slices.DeleteFunc(s.Fields(), func(f Field) bool { return strings.EqualFold(f.Name, name) })
}

func readAll(r io.Reader) (all []string, err error) {
	for sr := NewStanzaReader(r); ; {
		s, err := sr.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, string(s.Bytes()))
	}
}

func mustParse(t *testing.T, text string) Stanza {
	t.Helper()
	s, err := ParseStanza([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
