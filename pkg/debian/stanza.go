package debian

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Stanza is one paragraph of a control file: fields with values, kept in the
// bytes they were read from. It is never changed; With and Insert return a new
// one. The zero value is a stanza without fields.
type Stanza struct {
	raw    []byte
	fields []span
}

// span is where a field stands in raw: its name is raw[start:colon], its value
// follows the colon, and its last line ends (with its newline) before end.
type span struct{ start, colon, end int }

// Field is a name and a value to put into a stanza. Lines of the value after
// its first begin with a space.
type Field struct{ Name, Value string }

// ParseStanza reads a single paragraph: what a package's control file is. Empty
// lines before and after it are left out. data must not change afterwards.
func ParseStanza(data []byte) (Stanza, error) {
	data = bytes.TrimLeft(data, "\n")
	end := len(bytes.TrimRight(data, "\n"))
	if end == 0 {
		return Stanza{}, errors.New("cannot read stanza: it is empty")
	}
	if end == len(data) {
		data = append(data[:end:end], '\n')
	}
	return parseStanza(data[:end+1:end+1], 1)
}

// parseStanza reads raw, whose last byte is a newline. first is the number of
// its first line, for errors.
func parseStanza(raw []byte, first int) (Stanza, error) {
	s := Stanza{raw: raw, fields: make([]span, 0, bytes.Count(raw, []byte(":")))}
	for start, line := 0, first; start < len(raw); line++ {
		end := start + bytes.IndexByte(raw[start:], '\n') + 1
		if err := s.addLine(start, end); err != nil {
			return Stanza{}, fmt.Errorf("cannot read stanza: line %d %.80q: %w", line, raw[start:end-1], err)
		}
		start = end
	}
	return s, nil
}

// addLine adds the line raw[start:end], a field's first or one that continues it.
func (s *Stanza) addLine(start, end int) error {
	line := s.raw[start : end-1]
	if err := checkLine(line); err != nil {
		return err
	}
	if line[0] == ' ' || line[0] == '\t' {
		if len(s.fields) == 0 {
			return errors.New("it continues a field, but there is none before it")
		}
		s.fields[len(s.fields)-1].end = end
		return nil
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return errors.New("it has no colon")
	}
	name := string(line[:colon])
	switch {
	case !isFieldName(name):
		return fmt.Errorf("%q is not the name of a field", line[:colon])
	case s.find(name) >= 0:
		return fmt.Errorf("field %s is there twice", line[:colon])
	}
	s.fields = append(s.fields, span{start, start + colon, end})
	return nil
}

// checkLine refuses what could end a stanza or hide in it: a line that is empty
// or all blanks, and control characters.
func checkLine(line []byte) error {
	if len(bytes.TrimLeft(line, " \t")) == 0 {
		return errors.New("it is blank")
	}
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return fmt.Errorf("it contains the control character %q", c)
		}
	}
	return nil
}

func isFieldName(name string) bool {
	if name == "" || name[0] == '-' || name[0] == '#' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return true
}

// find returns the index of the named field, or -1. Names differ not by case.
func (s Stanza) find(name string) int {
	for i, f := range s.fields {
		if f.colon-f.start == len(name) && strings.EqualFold(string(s.raw[f.start:f.colon]), name) {
			return i
		}
	}
	return -1
}

// Bytes returns the stanza as it was read or made, ending in one newline. The
// caller must not change it.
func (s Stanza) Bytes() []byte { return s.raw }

// Lookup returns a field's value without the blanks around it; lines that
// continue it keep their leading blank. ok is false where there is no such
// field.
func (s Stanza) Lookup(name string) (value string, ok bool) {
	i := s.find(name)
	if i < 0 {
		return "", false
	}
	return s.value(s.fields[i]), true
}

func (s Stanza) value(f span) string {
	return string(bytes.Trim(s.raw[f.colon+1:f.end], " \t\n"))
}

// Get returns a field's value as Lookup does, or "".
func (s Stanza) Get(name string) string {
	value, _ := s.Lookup(name)
	return value
}

// Fields returns all fields in their order.
func (s Stanza) Fields() []Field {
	all := make([]Field, len(s.fields))
	for i, f := range s.fields {
		all[i] = Field{string(s.raw[f.start:f.colon]), s.value(f)}
	}
	return all
}

// With returns the stanza with a field set: in its place where there is one,
// else at the end. The bytes of all other fields stay as they are.
func (s Stanza) With(name, value string) (Stanza, error) {
	start, end := len(s.raw), len(s.raw)
	if i := s.find(name); i >= 0 {
		start, end = s.fields[i].start, s.fields[i].end
	}
	return s.splice(start, end, []Field{{name, value}})
}

// Insert returns the stanza with new fields before the one named before, or at
// the end where there is no such field. A field that is there already is an
// error. The bytes of all other fields stay as they are.
func (s Stanza) Insert(before string, fields ...Field) (Stanza, error) {
	at := len(s.raw)
	if i := s.find(before); i >= 0 {
		at = s.fields[i].start
	}
	return s.splice(at, at, fields)
}

// splice replaces raw[start:end], which are whole fields, by others, and refuses
// one that is there already. The fields that stay are not read again: an index
// has tens of thousands of stanzas.
func (s Stanza) splice(start, end int, fields []Field) (Stanza, error) {
	before, _ := slices.BinarySearchFunc(s.fields, start, span.compare)
	after, _ := slices.BinarySearchFunc(s.fields, end, span.compare)
	rest := Stanza{s.raw, s.fields[after:]}
	size := start + len(s.raw) - end
	for _, f := range fields {
		size += len(f.Name) + len(": \n") + len(f.Value)
	}
	t := Stanza{append(make([]byte, 0, size), s.raw[:start]...), append(make([]span, 0, len(s.fields)+len(fields)), s.fields[:before]...)}
	for _, f := range fields {
		if err := f.validate(); err != nil {
			return Stanza{}, err
		}
		if t.find(f.Name) >= 0 || rest.find(f.Name) >= 0 {
			return Stanza{}, fmt.Errorf("cannot set field %s: it is there already", f.Name)
		}
		t.add(f)
	}
	by := len(t.raw) - end
	for _, f := range rest.fields {
		t.fields = append(t.fields, span{f.start + by, f.colon + by, f.end + by})
	}
	t.raw = append(t.raw, s.raw[end:]...)
	return t, nil
}

// compare tells whether the field begins before a place, at it, or behind it.
func (f span) compare(at int) int { return cmp.Compare(f.start, at) }

// add puts a valid field at the end.
func (s *Stanza) add(f Field) {
	start := len(s.raw)
	s.raw = append(s.raw, f.Name...)
	colon := len(s.raw)
	s.raw = append(append(append(append(s.raw, ':'), f.separator()...), f.Value...), '\n')
	s.fields = append(s.fields, span{start, colon, len(s.raw)})
}

// separator is a space, save where the first line of the value is empty.
func (f Field) separator() string {
	if f.Value == "" || f.Value[0] == '\n' {
		return ""
	}
	return " "
}

// validate refuses a value that would become another field, or end the stanza.
func (f Field) validate() error {
	if !isFieldName(f.Name) {
		return fmt.Errorf("%q is not the name of a field", f.Name)
	}
	n := 0
	for line := range strings.SplitSeq(f.Value, "\n") {
		if n++; n == 1 && line == "" {
			continue
		}
		if err := checkLine([]byte(line)); err != nil {
			return fmt.Errorf("cannot set field %s: line %d of its value: %w", f.Name, n, err)
		}
		if n > 1 && line[0] != ' ' && line[0] != '\t' {
			return fmt.Errorf("cannot set field %s: line %d of its value does not begin with a space", f.Name, n)
		}
	}
	return nil
}
