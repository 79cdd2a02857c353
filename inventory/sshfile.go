package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// sshBlock is what stands below one Host line; the lines before the first are a
// block for "*".
type sshBlock struct {
	patterns []string
	lines    []sshLine
}

type sshLine struct {
	keyword  string // in lower case
	values   []string
	included []sshBlock
}

// errOnlySSH says that a file has something that is left to ssh itself.
var errOnlySSH = errors.New("only ssh understands this file")

// maxIncludes is how deep ssh follows Include.
const maxIncludes = 16

// readSSHConfig reads the files once. It does not use a library: the one there
// is takes "Match host a user b" for three host patterns, does not see a quoted
// Include, and loses the order of ProxyCommand and ProxyJump.
func readSSHConfig(files []string) (*SSHConfig, error) {
	var blocks []sshBlock
	for _, file := range files {
		more, err := readSSHFile(file, 0)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, more...)
	}
	return &SSHConfig{options: func(host, _ string) (sshOptions, error) { return optionsOf(blocks, host), nil }}, nil
}

func readSSHFile(path string, depth int) ([]sshBlock, error) {
	if depth > maxIncludes {
		return nil, fmt.Errorf("cannot read ssh_config %s: it is included more than %d deep", path, maxIncludes)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read ssh_config: %w", err)
	}
	return parseSSHConfig(path, string(data), depth)
}

func parseSSHConfig(path, data string, depth int) ([]sshBlock, error) {
	blocks := []sshBlock{{patterns: []string{"*"}}}
	for text := range strings.Lines(data) {
		keyword, rest := splitKeyword(text)
		line := sshLine{keyword: keyword, values: splitWords(rest)}
		switch keyword {
		case "host":
			blocks = append(blocks, sshBlock{patterns: line.values})
			continue
		case "match", "canonicalizehostname":
			return nil, fmt.Errorf("cannot read ssh_config %s: %w", path, errOnlySSH)
		case "include":
			var err error
			if line.included, err = readIncludes(path, line.values, depth); err != nil {
				return nil, err
			}
		case "proxycommand":
			line.values = []string{rest} // a command to the end of the line
		}
		last := &blocks[len(blocks)-1]
		last.lines = append(last.lines, line)
	}
	return blocks, nil
}

func readIncludes(from string, patterns []string, depth int) ([]sshBlock, error) {
	var blocks []sshBlock
	for _, pattern := range patterns {
		files, err := filepath.Glob(includePath(from, pattern))
		if err != nil {
			return nil, fmt.Errorf("cannot read ssh_config %s: Include %s: %w", from, pattern, err)
		}
		for _, file := range files {
			more, err := readSSHFile(file, depth+1)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EISDIR) {
				continue // a link to nothing, or a folder: ssh passes over them
			}
			if err != nil {
				return nil, err
			}
			blocks = append(blocks, more...)
		}
	}
	return blocks, nil
}

// includePath makes an Include absolute as ssh does.
func includePath(from, pattern string) string {
	if rest, ok := strings.CutPrefix(pattern, "~/"); ok {
		return filepath.Join(sshHome(), rest)
	}
	switch {
	case filepath.IsAbs(pattern):
		return pattern
	case strings.HasPrefix(from, "/etc/ssh/"):
		return filepath.Join("/etc/ssh", pattern)
	}
	return filepath.Join(sshHome(), ".ssh", pattern)
}

func optionsOf(blocks []sshBlock, host string) sshOptions {
	said := sshOptions{}
	said.collect(blocks, host)
	return said
}

// collect adds what the blocks say about host and was not said before.
func (o sshOptions) collect(blocks []sshBlock, host string) {
	for _, block := range blocks {
		if !block.matches(host) {
			continue
		}
		for _, line := range block.lines {
			if line.included != nil {
				o.collect(line.included, host)
			} else if slices.Contains(sshKeywords, line.keyword) && len(line.values) > 0 {
				o.say(line.keyword, line.values)
			}
		}
	}
}

func (o sshOptions) say(keyword string, values []string) {
	_, said := o[keyword]
	switch keyword {
	case "identityfile": // all of them count
		if !slices.Contains(o[keyword], values[0]) {
			o[keyword] = append(o[keyword], values[0])
		}
		return
	case "proxyjump", "proxycommand": // whichever comes first
		said = o["proxyjump"] != nil || o["proxycommand"] != nil
	case "userknownhostsfile":
	default:
		values = values[:1]
	}
	if !said {
		o[keyword] = values
	}
}

// matches follows ssh_config(5), PATTERNS: one "!" pattern that matches is
// enough to leave the block out.
func (b *sshBlock) matches(host string) bool {
	found := false
	for _, pattern := range b.patterns {
		bare, not := strings.CutPrefix(pattern, "!")
		if !match(literalBrackets.Replace(bare), host) {
			continue
		}
		if not {
			return false
		}
		found = true
	}
	return found
}

// literalBrackets makes an ssh pattern one of path.Match, which has more signs.
var literalBrackets = strings.NewReplacer(`\`, `\\`, `[`, `\[`)

// splitKeyword splits "Keyword value" or "Keyword = value"; the keyword is "" for
// empty lines and comments.
func splitKeyword(line string) (keyword, rest string) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", ""
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		end = len(line)
	}
	rest = strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	return strings.ToLower(strings.Trim(line[:end], `"`)), rest
}

// splitWords splits at blanks outside quotes, up to a comment.
func splitWords(s string) []string {
	var words []string
	for s = strings.TrimSpace(s); s != "" && s[0] != '#'; s = strings.TrimSpace(s) {
		var word string
		if s[0] == '"' || s[0] == '\'' {
			word, s, _ = strings.Cut(s[1:], s[:1])
		} else if end := strings.IndexAny(s, " \t\r"); end >= 0 {
			word, s = s[:end], s[end:]
		} else {
			word, s = s, ""
		}
		words = append(words, word)
	}
	return words
}
