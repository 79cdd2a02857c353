package remote

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" // the hash of known_hosts' own format, see sshd(8)
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// knownHosts is what a list of known_hosts files says, indexed so that checking
// one host costs the same however many lines there are. The format is that of
// sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
//
// Names in plain lines are found by name. Hashed names can't be, so they are
// found by the key that a host has shown, and only the lines with that key are
// hashed against. That accepts exactly what reading all lines would accept: a
// line with this key and a matching name.
type knownHosts struct {
	mu          sync.RWMutex // accept-new adds lines while others look
	files       []string     // the first one gets new keys
	plain       map[string][]hostKey
	hashed      map[string][]hashedName // by key, in wire format
	patterns    []patternKey
	authorities []patternKey
	revoked     map[string]hostKey // by key, in wire format
	read        map[string]int64   // bytes and lines of each file that are in the index
	lines       map[string]int
}

// hostKey is the key of one line, and where that line stands.
type hostKey struct {
	file string
	line int
	blob string // in wire format
}

func (k hostKey) String() string { return fmt.Sprintf("%s:%d", k.file, k.line) }

// algorithm returns the key's type, which its wire format begins with.
func (k hostKey) algorithm() string {
	if len(k.blob) < 4 {
		return ""
	}
	n := int(k.blob[0])<<24 | int(k.blob[1])<<16 | int(k.blob[2])<<8 | int(k.blob[3])
	if n < 0 || n > len(k.blob)-4 {
		return ""
	}
	return k.blob[4 : 4+n]
}

// hashedName is a name as ssh writes it with HashKnownHosts.
type hashedName struct {
	hostKey
	salt, sum string
}

func (h hashedName) matches(name string) bool {
	mac := hmac.New(sha1.New, []byte(h.salt))
	mac.Write([]byte(name))
	var sum [sha1.Size]byte
	return string(mac.Sum(sum[:0])) == h.sum
}

// patternKey is a line whose names hold wildcards or exclusions.
type patternKey struct {
	hostKey
	patterns []string
}

// matches follows match_hostname of OpenSSH: an exclusion that fits ends it.
func (p patternKey) matches(name string) bool {
	found := false
	for _, pattern := range p.patterns {
		pattern, not := strings.CutPrefix(pattern, "!")
		if wildcard(pattern, name) {
			if not {
				return false
			}
			found = true
		}
	}
	return found
}

// wildcard reports whether name fits pattern, in which * stands for any bytes
// and ? for one. It takes len(pattern)*len(name) steps at most.
func wildcard(pattern, name string) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// loadKnownHosts reads files in order. One that does not exist is empty, as ssh
// has it; a line that makes no sense is skipped, as ssh does.
func loadKnownHosts(files []string) (*knownHosts, error) {
	k := &knownHosts{
		files: files, plain: map[string][]hostKey{}, hashed: map[string][]hashedName{}, revoked: map[string]hostKey{},
		read: map[string]int64{}, lines: map[string]int{},
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read known hosts: %w", err)
		}
		k.add(file, data)
	}
	return k, nil
}

// add indexes data, which follows what was read of file before.
func (k *knownHosts) add(file string, data []byte) {
	k.read[file] += int64(len(data))
	for line := range bytes.Lines(data) {
		k.lines[file]++
		k.addLine(file, k.lines[file], string(line))
	}
}

func (k *knownHosts) addLine(file string, number int, line string) {
	words := strings.Fields(line)
	marker := ""
	if len(words) > 0 && strings.HasPrefix(words[0], "@") {
		marker, words = words[0], words[1:]
	}
	if len(words) < 3 || strings.HasPrefix(words[0], "#") {
		return
	}
	blob, err := base64.StdEncoding.DecodeString(words[2])
	key := hostKey{file, number, string(blob)}
	if err != nil || key.algorithm() == "" {
		return
	}
	switch marker {
	case "@revoked":
		k.revoked[key.blob] = key
	case "@cert-authority":
		k.authorities = append(k.authorities, patternKey{key, strings.Split(strings.ToLower(words[0]), ",")})
	case "":
		k.addNames(words[0], key)
	}
}

func (k *knownHosts) addNames(names string, key hostKey) {
	if h, ok := parseHashed(names); ok {
		h.hostKey = key
		k.hashed[key.blob] = append(k.hashed[key.blob], h)
		return
	}
	names = strings.ToLower(names)
	if strings.ContainsAny(names, "*?!") {
		k.patterns = append(k.patterns, patternKey{key, strings.Split(names, ",")})
		return
	}
	for name := range strings.SplitSeq(names, ",") {
		k.plain[name] = append(k.plain[name], key)
	}
}

// parseHashed reads |1|salt|hash.
func parseHashed(s string) (hashedName, bool) {
	rest, ok := strings.CutPrefix(s, "|1|")
	salt64, sum64, ok2 := strings.Cut(rest, "|")
	salt, err := base64.StdEncoding.DecodeString(salt64)
	sum, err2 := base64.StdEncoding.DecodeString(sum64)
	return hashedName{salt: string(salt), sum: string(sum)}, ok && ok2 && err == nil && err2 == nil
}

// has reports whether a line gives name this key.
func (k *knownHosts) has(name, blob string) bool {
	same := func(key hostKey) bool { return key.blob == blob }
	return slices.ContainsFunc(k.plain[name], same) ||
		slices.ContainsFunc(k.patterns, func(p patternKey) bool { return p.blob == blob && p.matches(name) }) ||
		slices.ContainsFunc(k.hashed[blob], func(h hashedName) bool { return h.matches(name) })
}

// readable returns the keys that lines which are not hashed give name.
func (k *knownHosts) readable(name string) []hostKey {
	keys := slices.Clone(k.plain[name])
	for _, p := range k.patterns {
		if p.matches(name) {
			keys = append(keys, p.hostKey)
		}
	}
	return keys
}

// all returns the keys that any line gives name. It reads every hashed line, so
// it is for hosts about to be refused only.
func (k *knownHosts) all(name string) []hostKey {
	keys := k.readable(name)
	for _, lines := range k.hashed {
		for _, h := range lines {
			if h.matches(name) {
				keys = append(keys, h.hostKey)
			}
		}
	}
	return keys
}

// signs reports whether a certificate signed by authority is good for name.
func (k *knownHosts) signs(authority ssh.PublicKey, name string) bool {
	blob := string(authority.Marshal())
	return slices.ContainsFunc(k.authorities, func(p patternKey) bool { return p.blob == blob && p.matches(name) })
}
