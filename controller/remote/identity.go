package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/aptfleet/aptfleet/inventory"
)

// maxKeys is how many keys a host is offered: sshd ends the connection at the
// sixth (MaxAuthTries), and counts each against the address it came from.
const maxKeys = 5

// identities are the keys to log in with. Each file is read once, and one
// connection to the agent serves the whole fleet.
type identities struct {
	files  []string // what Options.Identity names
	socket string   // the agent's, or ""

	mu     sync.Mutex
	agent  net.Conn
	held   []ssh.Signer // the agent's keys
	chosen map[string]*keys
}

// keys are the signers for the hosts with one identity.
type keys struct {
	signers []ssh.Signer
	err     error
	hint    string // why a key that might have helped is not among them
}

// forHost returns the keys to offer: the host's own identity first, then the
// configured ones, then those of ssh_config, then the agent's, then those in ~/.ssh.
func (i *identities) forHost(h inventory.Host) *keys {
	i.mu.Lock()
	defer i.mu.Unlock()
	of := fmt.Sprintf("%q", append([]string{h.Identity}, h.Identities...))
	if k := i.chosen[of]; k != nil {
		return k
	}
	k := i.choose(h.Identity, h.Identities)
	i.chosen[of] = k
	return k
}

func (i *identities) choose(identity string, further []string) *keys {
	agentErr := i.askAgent()
	k := &keys{}
	named := i.files
	if identity != "" {
		named = append([]string{identity}, i.files...)
	}
	for _, file := range named {
		signers, err := i.load(file)
		if err != nil {
			k.err = &trouble{kind: ErrAuth, text: "cannot use the key " + file, cause: err}
			return k
		}
		k.signers = append(k.signers, signers...)
	}
	k.addUsable(i, further)
	k.signers = append(k.signers, i.held...)
	if len(named) == 0 && len(further) == 0 {
		k.addDefaults(i)
	}
	k.signers = distinct(k.signers)
	if len(k.signers) > maxKeys {
		k.hint = fmt.Sprintf("%d keys were left out, because hosts take %d tries at most: name the right one with identity", len(k.signers)-maxKeys, maxKeys)
		k.signers = k.signers[:maxKeys]
	}
	if agentErr != nil {
		k.hint = agentErr.Error()
	}
	return k
}

// addUsable adds the keys of ssh_config, of which ssh passes over what it cannot
// read: one file is often for many hosts, and another key than the first fits.
func (k *keys) addUsable(i *identities, files []string) {
	for _, file := range files {
		signers, err := i.load(file)
		if err != nil {
			k.hint = file + ": " + err.Error()
		}
		k.signers = append(k.signers, signers...)
	}
}

// addDefaults adds the keys that ssh would try by itself.
func (k *keys) addDefaults(i *identities) {
	home, err := os.UserHomeDir()
	if err != nil {
		return
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		file := filepath.Join(home, ".ssh", name)
		signers, err := i.load(file)
		switch {
		case err == nil:
			k.signers = append(k.signers, signers...)
		case !errors.Is(err, fs.ErrNotExist):
			k.hint = file + ": " + err.Error()
		}
	}
}

// load reads one key, and its certificate if FILE-cert.pub is there; the
// certificate is offered first. A key with a passphrase is taken from the agent.
func (i *identities) load(file string) ([]ssh.Signer, error) {
	file = expandHome(file)
	signer, err := i.loadKey(file)
	if err != nil {
		return nil, err
	}
	cert, err := os.ReadFile(file + "-cert.pub")
	if errors.Is(err, fs.ErrNotExist) {
		return []ssh.Signer{signer}, nil
	}
	if err != nil {
		return nil, err
	}
	certSigner, err := withCertificate(signer, cert)
	if err != nil {
		return nil, fmt.Errorf("%s-cert.pub: %w", file, err)
	}
	return []ssh.Signer{certSigner, signer}, nil
}

func withCertificate(signer ssh.Signer, data []byte) (ssh.Signer, error) {
	public, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil, err
	}
	cert, ok := public.(*ssh.Certificate)
	if !ok {
		return nil, errors.New("not a certificate")
	}
	return ssh.NewCertSigner(cert, signer)
}

func (i *identities) loadKey(file string) (ssh.Signer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if public, _, _, _, err := ssh.ParseAuthorizedKey(data); err == nil {
		if held := i.heldFor(public); held != nil {
			return held, nil
		}
		return nil, errors.New("it is a public key, and the ssh-agent does not have the private one")
	}
	signer, err := ssh.ParsePrivateKey(data)
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		return signer, err
	}
	public := locked.PublicKey // nil in the older PEM formats
	if pub, err := os.ReadFile(file + ".pub"); public == nil && err == nil {
		public, _, _, _, _ = ssh.ParseAuthorizedKey(pub)
	}
	if held := i.heldFor(public); held != nil {
		return held, nil
	}
	return nil, fmt.Errorf("it is protected by a passphrase and not in the agent: run \"ssh-add %s\" first", file)
}

func (i *identities) heldFor(public ssh.PublicKey) ssh.Signer {
	for _, s := range i.held {
		if public != nil && bytes.Equal(s.PublicKey().Marshal(), public.Marshal()) {
			return s
		}
	}
	return nil
}

// askAgent connects to the agent, where one is named, and lists its keys.
func (i *identities) askAgent() error {
	if i.socket == "" || i.agent != nil {
		return nil
	}
	conn, err := net.Dial("unix", i.socket)
	if err != nil {
		return fmt.Errorf("cannot reach the ssh-agent: %w", err)
	}
	held, err := agent.NewClient(conn).Signers()
	if err != nil {
		_ = conn.Close() // the first error says more
		return fmt.Errorf("cannot list the keys of the ssh-agent at %s: %w", i.socket, err)
	}
	i.agent, i.held = conn, held
	return nil
}

func (i *identities) close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.agent == nil {
		return nil
	}
	return i.agent.Close()
}

// distinct drops signers whose key came before.
func distinct(signers []ssh.Signer) []ssh.Signer {
	seen := map[string]bool{}
	return slices.DeleteFunc(signers, func(s ssh.Signer) bool {
		blob := string(s.PublicKey().Marshal())
		twice := seen[blob]
		seen[blob] = true
		return twice
	})
}

// expandHome replaces a leading ~/ by the home folder.
func expandHome(path string) string {
	if home, err := os.UserHomeDir(); err == nil && len(path) > 1 && path[:2] == "~/" {
		return filepath.Join(home, path[2:])
	}
	return path
}
