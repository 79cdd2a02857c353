package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"
)

// SecretsName is the file of the bus's private keys, in its folder below the
// state folder. An external cluster is reached with a copy of it.
const SecretsName = "secrets.json"

// secrets are the private keys of a bus. Whoever has them may do everything
// there, and a store whose secrets are lost cannot be read by anybody.
type secrets struct {
	operator nkeys.KeyPair // signs the accounts; servers trust nothing else
	system   nkeys.KeyPair // the account of those who look after the servers
	account  nkeys.KeyPair // the account of all else; signs controllers
	agents   nkeys.KeyPair // signs agents; what it signs may do what the account lays down for agents
}

// wireSecrets is secrets as they are stored, as JSON.
type wireSecrets struct {
	Version  int    `json:"version"`
	Operator string `json:"operator"`
	System   string `json:"system"`
	Account  string `json:"account"`
	Agents   string `json:"agents"`
}

const secretsVersion = 1

// ownSecrets returns the secrets in the file at path, which it makes if it is
// missing.
func ownSecrets(path string) (*secrets, error) {
	s, err := readSecrets(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	s = &secrets{}
	var failed []error
	for _, k := range s.all() {
		pair, err := nkeys.CreatePair(k.kind)
		*k.pair, failed = pair, append(failed, err)
	}
	if err := errors.Join(failed...); err != nil {
		return nil, fmt.Errorf("cannot make keys: %w", err)
	}
	return s, s.store(path)
}

// readSecrets reads a file of secrets.
func readSecrets(path string) (*secrets, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the keys of the bus: %w", err)
	}
	s, err := parseSecrets(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read the keys of the bus in %s: %w", path, err)
	}
	return s, nil
}

// parseSecrets never puts a key into an error.
func parseSecrets(data []byte) (*secrets, error) {
	var w wireSecrets
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, errors.New("it is not what this program writes")
	}
	if w.Version != secretsVersion {
		return nil, fmt.Errorf("it has version %d, and this program reads %d", w.Version, secretsVersion)
	}
	s := &secrets{}
	for i, seed := range []string{w.Operator, w.System, w.Account, w.Agents} {
		k := s.all()[i]
		kind, _, err := nkeys.DecodeSeed([]byte(seed))
		if err != nil || kind != k.kind {
			return nil, fmt.Errorf("%q is no key of its kind", k.name)
		}
		if *k.pair, err = nkeys.FromSeed([]byte(seed)); err != nil {
			return nil, fmt.Errorf("%q is no key", k.name)
		}
	}
	return s, nil
}

// namedKey is one of the secrets.
type namedKey struct {
	name string
	kind nkeys.PrefixByte
	pair *nkeys.KeyPair
}

func (s *secrets) all() []namedKey {
	return []namedKey{
		{"operator", nkeys.PrefixByteOperator, &s.operator}, {"system", nkeys.PrefixByteAccount, &s.system},
		{"account", nkeys.PrefixByteAccount, &s.account}, {"agents", nkeys.PrefixByteAccount, &s.agents},
	}
}

func (s *secrets) store(path string) error {
	w := wireSecrets{Version: secretsVersion}
	for i, field := range []*string{&w.Operator, &w.System, &w.Account, &w.Agents} {
		seed, err := (*s.all()[i].pair).Seed()
		if err != nil {
			return fmt.Errorf("cannot store the keys of the bus: %w", err)
		}
		*field = string(seed)
	}
	data, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot store the keys of the bus: %w", err)
	}
	if err := writeSecret(path, append(data, '\n')); err != nil {
		return fmt.Errorf("cannot store the keys of the bus: %w", err)
	}
	return nil
}

// writeSecret writes a new file that only its owner can read. It is there whole
// or not at all, also after a power cut, and never replaces another.
func writeSecret(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // linked by then, or worth nothing
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// public returns the public part of a key, by which it is called everywhere.
func public(pair nkeys.KeyPair) string {
	name, err := pair.PublicKey()
	if err != nil {
		panic(err) // only a key that was wiped has none, and ours are not
	}
	return name
}
