package ansible

import (
	"fmt"
	"strconv"
	"strings"
)

// iniReader reads the INI form, line by line.
type iniReader struct {
	*source
	section *group
	kind    string // "", "vars" or "children"
}

func (s *source) readINI(data string) error {
	r := &iniReader{source: s, section: s.group(ungrouped)}
	n := 0
	for line := range strings.Lines(data) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if err := r.line(line); err != nil {
			return fmt.Errorf("%s:%d: %w", s.path, n, err)
		}
	}
	return nil
}

func (r *iniReader) line(line string) error {
	if name, ok := sectionName(line); ok {
		return r.begin(name)
	}
	switch r.kind {
	case "children":
		words, err := splitWords(line)
		if err != nil || len(words) != 1 {
			return fmt.Errorf("cannot read %q: one group a line", line)
		}
		r.section.addChild(r.group(words[0]).name)
	case "vars":
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("cannot read %q: variables are NAME=VALUE", line)
		}
		r.section.inline[strings.TrimSpace(name)] = literal(strings.TrimSpace(value))
	default:
		return r.hosts(line)
	}
	return nil
}

// sectionName tells "[web]" from a host line that begins with an address in
// brackets.
func sectionName(line string) (string, bool) {
	line, _, _ = strings.Cut(line, " #")
	line = strings.TrimSpace(line)
	name, ok := strings.CutSuffix(strings.TrimPrefix(line, "["), "]")
	return name, ok && line[0] == '[' && !strings.ContainsAny(name, "[] =")
}

func (r *iniReader) begin(name string) error {
	name, r.kind, _ = strings.Cut(name, ":")
	if r.kind != "" && r.kind != "vars" && r.kind != "children" {
		return fmt.Errorf("cannot read section %s:%s: it is neither vars nor children", name, r.kind)
	}
	r.section = r.group(name)
	return nil
}

func (r *iniReader) hosts(line string) error {
	words, err := splitWords(line)
	if err != nil || len(words) == 0 {
		return fmt.Errorf("cannot read %q: %w", line, err)
	}
	vars := map[string]any{}
	for _, word := range words[1:] {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return fmt.Errorf("cannot read %q: %q is no NAME=VALUE", line, word)
		}
		vars[name] = literal(value)
	}
	return r.addHosts(r.section, words[0], vars)
}

// literal gives a value the type that Python's literal_eval would, as far as we
// look at types.
func literal(text string) any {
	switch text {
	case "True":
		return true
	case "False":
		return false
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	if len(text) > 1 && (text[0] == '"' || text[0] == '\'') {
		if inside, after, ok := strings.Cut(text[1:], text[:1]); ok && (after == "" || strings.HasPrefix(strings.TrimSpace(after), "#")) {
			return inside
		}
	}
	return text
}

// splitWords splits as a POSIX shell would, without expanding anything.
func splitWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote byte
	started := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			if quote == '"' && s[i] != '"' && s[i] != '\\' {
				word.WriteByte('\\')
			}
			word.WriteByte(s[i])
			started = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			quote, started = c, true
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '#':
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
			if c == '#' {
				return words, nil
			}
		default:
			word.WriteByte(c)
			started = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a %c is not closed", quote)
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}
