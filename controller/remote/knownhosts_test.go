package remote

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// publicKey returns the nth of as many Ed25519 keys as a test needs.
func publicKey(n int) ssh.PublicKey {
	key, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed(n)).Public())
	if err != nil {
		panic(err)
	}
	return key
}

func seed(n int) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return sum[:]
}

func keyText(n int) string {
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(publicKey(n).Marshal())
}

func writeFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hashFile lets ssh-keygen hash the names in a known_hosts file.
func hashFile(t testing.TB, path string) {
	t.Helper()
	if out, err := exec.Command("ssh-keygen", "-q", "-H", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen -H: %v\n%s", err, out)
	}
	if err := os.Remove(path + ".old"); err != nil {
		t.Fatal(err)
	}
}

var knownHostsText = strings.Join([]string{
	"# a comment", "", "   ",
	"web1,10.0.0.1 " + keyText(1) + " a comment",
	"WEB2 " + keyText(2),
	"[web3]:2222 " + keyText(3),
	"*.example.com,!secret.example.com " + keyText(4),
	"web?.lan,[web?.lan]:* " + keyText(5),
	"2001:db8::1 " + keyText(6),
}, "\n")

// TestKnownHostsAsSSHKeygen asks ssh-keygen -F, which shares its reading of the
// file with ssh, and the index the same.
func TestKnownHostsAsSSHKeygen(t *testing.T) {
	names := []string{
		"web1", "web2", "web3", "[web3]:2222", "[web1]:2222", "10.0.0.1", "10.0.0.2", "a.example.com", "secret.example.com", "example.com",
		"webx.lan", "webxy.lan", "[webx.lan]:22222", "2001:db8::1", "[web3]:22",
	}
	plain, hashed := writeFile(t, "not a line\nweb9 ssh-ed25519 no-base64\n"+knownHostsText), writeFile(t, knownHostsText)
	hashFile(t, hashed)
	for _, file := range []string{plain, hashed} {
		k, err := loadKnownHosts([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			out, _ := exec.Command("ssh-keygen", "-F", name, "-f", file).Output() // exits with 1 if it finds none
			for n := range 8 {
				want := strings.Contains(string(out), keyText(n))
				if got := k.has(name, string(publicKey(n).Marshal())); got != want {
					t.Errorf("%s: has(%s, key %d) is %v, ssh-keygen -F says %v", filepath.Base(file), name, n, got, want)
				}
			}
			if got, want := len(k.all(name)), strings.Count(string(out), "ssh-ed25519"); got != want {
				t.Errorf("all(%s) found %d keys, ssh-keygen -F %d", name, got, want)
			}
		}
	}
}

func TestWildcard(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abbd", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"*a*a*", "bab", false}, {"*a*a*", "xaya", true}, {"**", "x", true}, {"a**", "a", true},
		{strings.Repeat("*a", 200) + "b", strings.Repeat("a", 2000), false}, // must not take exponential time
	} {
		if got := wildcard(tt.pattern, tt.name); got != tt.want {
			t.Errorf("wildcard(%q, %q) is %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
}

// FuzzKnownHosts adds any line: it must not panic, and an honest line after it
// must be found.
func FuzzKnownHosts(f *testing.F) {
	for line := range strings.Lines(knownHostsText) {
		f.Add(line)
	}
	f.Add("|1|x|y ssh-ed25519 AAAA")
	f.Add("|1||| ssh-ed25519 AAAAAAA=")
	f.Add("@revoked * ssh-rsa AAAAB3NzaC1yc2E=")
	f.Add("@cert-authority *")
	f.Add("a ssh-ed25519 //////8=")
	f.Fuzz(func(t *testing.T, line string) {
		k, err := loadKnownHosts(nil)
		if err != nil {
			t.Fatal(err)
		}
		k.add("f", []byte(line+"\nhonest "+keyText(7)+"\n"))
		if !k.has("honest", string(publicKey(7).Marshal())) {
			t.Errorf("%q hides the line after it", line)
		}
		k.all("web1")
		hostKeyCheck{known: k, names: namesOf(22, "web1")}.request()
	})
}

func BenchmarkKnownHosts10000(b *testing.B) {
	const hosts = 10000
	var text strings.Builder
	keys := make([]ssh.PublicKey, hosts)
	names := make([]hostNames, hosts)
	for i := range hosts {
		keys[i] = publicKey(i)
		names[i] = namesOf(22, fmt.Sprintf("web%05d.example.com", i))
		fmt.Fprintf(&text, "%s %s\n", names[i].exact[0], keyText(i))
	}
	file := writeFile(b, text.String())
	hashFile(b, file)
	for b.Loop() {
		k, err := loadKnownHosts([]string{file})
		if err != nil {
			b.Fatal(err)
		}
		for i := range hosts {
			check := hostKeyCheck{known: k, names: names[i]}
			if len(check.request().algorithms) == 0 {
				b.Fatal("no algorithms")
			}
			if err := check.check("", nil, keys[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
}
