package inventory

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// tokens returns what stands for the percent signs of ssh_config(5), TOKENS,
// once the host's address, port and user are known. %C and %j are left out:
// they name sockets.
func (a *application) tokens() map[byte]string {
	local, _ := os.Hostname() // "" is what ssh uses too if there is none
	short, _, _ := strings.Cut(local, ".")
	h := a.host
	t := map[byte]string{
		'h': h.DialAddress(), 'n': string(h.Name), 'p': strconv.Itoa(h.Port), 'r': h.User, 'k': h.HostKeyAlias,
		'd': sshHome(), 'u': localUser(), 'i': strconv.Itoa(os.Getuid()), 'l': local, 'L': short,
	}
	if h.Port == 0 {
		t['p'] = "22"
	}
	if h.User == "" {
		t['r'] = t['u']
	}
	if h.HostKeyAlias == "" {
		t['k'] = string(h.Name)
	}
	return t
}

func expandTokens(s string, tokens map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", fmt.Errorf("ends in a %%")
		}
		value, known := tokens[s[i]]
		switch {
		case s[i] == '%':
			b.WriteByte('%')
		case known:
			b.WriteString(value)
		default:
			return "", fmt.Errorf("cannot expand %%%c", s[i])
		}
	}
	return b.String(), nil
}

// expandPath expands the tokens, environment variables and home of a path.
func expandPath(path string, tokens map[byte]string) (string, error) {
	var missing string
	path = os.Expand(escapeLoneDollars(path), func(name string) string {
		if name == "$" {
			return "$"
		}
		value, ok := os.LookupEnv(name)
		if !ok {
			missing = name
		}
		return value
	})
	if missing != "" {
		return "", fmt.Errorf("the environment has no %s", missing)
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		path = filepath.Join(sshHome(), rest)
	}
	return expandTokens(path, tokens)
}

// escapeLoneDollars doubles each $ that is not the start of ${NAME}, the only
// form that ssh knows.
func escapeLoneDollars(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "$", "$$"), "$${", "${")
}

// sshHome is the home that ssh uses: the account's, and not $HOME.
func sshHome() string {
	if u, err := user.Current(); err == nil {
		return u.HomeDir
	}
	return os.Getenv("HOME")
}

func localUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}
