package tomlfile

import (
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// keyLines returns the line of every key, table and array element in src by
// Key.id, src being TOML that the library has accepted: it finds where things
// stand and judges nothing. On other input it returns something useless.
func keyLines(src string) map[string]int {
	s := &scanner{src: src, line: 1, lines: map[string]int{}, tables: map[string]int{}}
	for s.skipBlank(); s.pos < len(s.src); s.skipBlank() {
		start := s.pos
		if s.peek() == '[' {
			s.header()
		} else {
			s.pair(s.table)
		}
		if s.pos == start {
			s.pos++ // not TOML: come to an end all the same
		}
	}
	return s.lines
}

type scanner struct {
	src    string
	pos    int
	line   int
	table  Key            // that the current header names
	lines  map[string]int // what is found
	tables map[string]int // how many tables each array of tables has so far
}

// peek returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// take moves past b if it comes next.
func (s *scanner) take(b byte) bool {
	if s.peek() != b || s.pos >= len(s.src) {
		return false
	}
	s.pos++
	return true
}

// note records the line of key, and of the tables that it implies.
func (s *scanner) note(key Key, line int) {
	for n := len(key); n > 0; n-- {
		id := key[:n].id()
		if _, known := s.lines[id]; known {
			return
		}
		s.lines[id] = line
	}
}

// skipBlank moves to the next byte that is no space, line end, comment or byte
// order mark.
func (s *scanner) skipBlank() {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '\n':
			s.line++
			s.pos++
		case c == ' ' || c == '\t' || c == '\r':
			s.pos++
		case c == '#':
			s.skipUntil("\n")
		case strings.HasPrefix(s.src[s.pos:], "\ufeff"):
			s.pos += len("\ufeff")
		default:
			return
		}
	}
}

// skipUntil moves to the first of the given bytes.
func (s *scanner) skipUntil(stops string) {
	if n := strings.IndexAny(s.src[s.pos:], stops); n >= 0 {
		s.pos += n
	} else {
		s.pos = len(s.src)
	}
}

// header reads [table] and [[array of tables]].
func (s *scanner) header() {
	s.pos++
	array := s.take('[')
	line, path := s.line, s.key()
	for s.take(']') {
	}
	s.table = nil
	for i, part := range path {
		s.table = s.table.With(part)
		id := s.table.id()
		if last := i == len(path)-1; last && array {
			s.note(s.table, line)
			s.tables[id]++
		} else if last {
			delete(s.lines, id) // a header says it better than an earlier table below it
		}
		if n := s.tables[id]; n > 0 {
			s.table = s.table.With(Index(n - 1))
		}
	}
	s.note(s.table, line)
}

// pair reads key = value, as it stands in a table.
func (s *scanner) pair(table Key) {
	line, key := s.line, s.key()
	s.skipBlank()
	s.take('=')
	at := table.With(key...)
	s.note(at, line)
	s.value(at)
}

// key reads a dotted key.
func (s *scanner) key() Key {
	var key Key
	for {
		s.skipBlank()
		start := s.pos
		switch s.peek() {
		case '"', '\'':
			s.skipString()
		default:
			s.skipUntil(" \t\r\n.=]#")
		}
		key = append(key, unquote(s.src[start:s.pos]))
		s.skipBlank()
		if !s.take('.') {
			return key
		}
	}
}

// unquote returns the key that raw stands for. The library knows the escapes.
func unquote(raw string) string {
	if raw == "" || raw[0] != '"' && raw[0] != '\'' {
		return raw
	}
	if len(raw) >= 2 && !strings.Contains(raw, `\`) {
		return raw[1 : len(raw)-1]
	}
	var one map[string]int
	if _, err := toml.Decode(raw+" = 0", &one); err != nil || len(one) != 1 {
		return raw
	}
	return slices.Collect(maps.Keys(one))[0]
}

// value reads any value, noting what is inside arrays and inline tables.
func (s *scanner) value(at Key) {
	s.skipBlank()
	switch s.peek() {
	case '"', '\'':
		s.skipString()
	case '[':
		s.array(at)
	case '{':
		s.inline(at)
	default:
		s.skipUntil(",]}#\r\n")
	}
}

func (s *scanner) array(at Key) {
	s.pos++
	for i := 0; ; i++ {
		s.skipBlank()
		if s.take(']') || s.pos >= len(s.src) {
			return
		}
		element := at.With(Index(i))
		s.note(element, s.line)
		start := s.pos
		s.value(element)
		s.skipBlank()
		if !s.take(',') && s.pos == start {
			return
		}
	}
}

func (s *scanner) inline(at Key) {
	s.pos++
	for {
		s.skipBlank()
		if s.take('}') || s.pos >= len(s.src) {
			return
		}
		start := s.pos
		s.pair(at)
		s.skipBlank()
		if !s.take(',') && s.pos == start {
			return
		}
	}
}

// skipString moves past a string of any of the four kinds.
func (s *scanner) skipString() {
	quote := s.src[s.pos : s.pos+1]
	if strings.HasPrefix(s.src[s.pos:], strings.Repeat(quote, 3)) {
		s.skipLongString(strings.Repeat(quote, 3))
		return
	}
	for s.pos++; s.pos < len(s.src) && s.peek() != '\n'; s.pos++ {
		switch {
		case s.peek() == '\\' && quote == `"`:
			s.pos++
		case s.take(quote[0]):
			return
		}
	}
	s.pos = min(s.pos, len(s.src))
}

// skipLongString moves past a string between three quotes, the last of which
// may be preceded by up to two that belong to the string.
func (s *scanner) skipLongString(quotes string) {
	start := s.pos
	for s.pos += 3; s.pos < len(s.src) && !strings.HasPrefix(s.src[s.pos:], quotes); s.pos++ {
		if s.src[s.pos] == '\\' && quotes[0] == '"' {
			s.pos++
		}
	}
	s.pos = min(s.pos+3, len(s.src))
	for range 2 {
		s.take(quotes[0])
	}
	s.line += strings.Count(s.src[start:s.pos], "\n")
}
