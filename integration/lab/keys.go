package lab

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// keys is the folder with the key that logs in to every host of a lab and the
// list of its hosts' keys. Each lab has its own.
type keys struct {
	dir    string
	client keyPair

	mu sync.Mutex // of the known_hosts file
}

// keyPair is an ed25519 key in the forms that files have it in.
type keyPair struct {
	signer  ssh.Signer
	private []byte // OpenSSH's own PEM form
	public  []byte // a line of authorized_keys
}

func newKeyPair() (keyPair, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return keyPair{}, err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return keyPair{}, err
	}
	block, err := ssh.MarshalPrivateKey(key, "aptfleet lab")
	if err != nil {
		return keyPair{}, err
	}
	return keyPair{signer, pem.EncodeToMemory(block), ssh.MarshalAuthorizedKey(signer.PublicKey())}, nil
}

// newKeys makes the keys of a lab, in a folder within dir.
func newKeys(dir string) (*keys, error) {
	client, err := newKeyPair()
	if err != nil {
		return nil, fmt.Errorf("cannot make the client key: %w", err)
	}
	k := &keys{dir: filepath.Join(dir, "keys"), client: client}
	return k, errors.Join(
		os.Mkdir(k.dir, 0o755),
		os.WriteFile(k.identity(), client.private, 0o600),
		os.WriteFile(k.identity()+".pub", client.public, 0o644),
		os.WriteFile(k.knownHosts(), nil, 0o644))
}

func (k *keys) identity() string   { return filepath.Join(k.dir, "id_ed25519") }
func (k *keys) knownHosts() string { return filepath.Join(k.dir, "known_hosts") }

// know adds a host's key to known_hosts, under its name and its address.
func (k *keys) know(name, address string, port int, key ssh.PublicKey) error {
	p := strconv.Itoa(port)
	line := knownhosts.Line([]string{net.JoinHostPort(address, p), net.JoinHostPort(name, p)}, key)
	k.mu.Lock()
	defer k.mu.Unlock()
	f, err := os.OpenFile(k.knownHosts(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

// Identity returns the path of the private key that logs in to every host, as
// root, deploy or nosudo. It has no passphrase.
func (l *Lab) Identity() string { return l.keys.identity() }

// KnownHosts returns the path of a known_hosts file with the key that each
// host had when it was first booted.
func (l *Lab) KnownHosts() string { return l.keys.knownHosts() }
