package sign

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// Keyring is the set of keys with which one repository is signed. It may be
// used concurrently.
type Keyring struct {
	keys []*Key
	ask  Passphrase
	now  func() time.Time
	lock sync.Mutex // while secrets are unlocked
}

// NewKeyring makes a keyring of keys at hand.
func NewKeyring(keys ...*Key) *Keyring {
	return &Keyring{keys: keys, ask: noPassphrase, now: time.Now}
}

func noPassphrase() ([]byte, error) {
	return nil, fmt.Errorf("it is protected and no passphrase was given: %w", ErrPassphrase)
}

// Load opens a key file or a folder of key files. Files that others may read
// are refused, as ssh does. All protected keys share one passphrase; nil stands
// for none.
func Load(path string, passphrase Passphrase) (*Keyring, error) {
	files, err := keyFiles(path)
	if err != nil {
		return nil, err
	}
	ring := NewKeyring()
	if passphrase != nil {
		ring.ask = sync.OnceValues(passphrase)
	}
	for _, file := range files {
		if err := private(file); err != nil {
			return nil, err
		}
		keys, err := readKeys(file)
		if err != nil {
			return nil, err
		}
		ring.keys = append(ring.keys, keys...)
	}
	return ring, nil
}

// keyFiles returns path, or the key files of the folder that it is.
func keyFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read signing key: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read signing keys: %w", err)
	}
	var files []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && slices.Contains([]string{".asc", ".gpg", ".pgp"}, filepath.Ext(e.Name())) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("cannot read signing keys: %w", &os.PathError{Op: "find *.asc in", Path: path, Err: os.ErrNotExist})
	}
	return files, nil
}

func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("cannot read signing key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("cannot use signing key %s: others may read it (mode %#o): chmod 600 it", path, mode)
	}
	return nil
}

// Keys returns the keys that are valid now, in the order of their files. If
// none is, the error says why for each.
func (r *Keyring) Keys() ([]*Key, error) {
	var valid []*Key
	var why []error
	now := r.now()
	for _, k := range r.keys {
		if _, err := k.signer(now); err != nil {
			why = append(why, err)
			continue
		}
		valid = append(valid, k)
	}
	if len(valid) == 0 {
		return nil, errors.Join(append(why, errNoKey(len(r.keys)))...)
	}
	return valid, nil
}

func errNoKey(keys int) error {
	if keys == 0 {
		return errors.New("cannot sign: there is no signing key")
	}
	return nil
}

// Unlock makes all valid keys ready to sign. Signing does it by itself; calling
// it first finds a wrong passphrase before anything is changed.
func (r *Keyring) Unlock() error {
	_, err := r.unlocked()
	return err
}

func (r *Keyring) unlocked() ([]*Key, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	keys, err := r.Keys()
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if err := k.unlock(r.now(), r.ask); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// PublicArmored returns the public parts of all valid keys in one armoured
// block, for a Signed-By field or a file below /etc/apt/keyrings.
func (r *Keyring) PublicArmored() ([]byte, error) {
	keys, err := r.Keys()
	if err != nil {
		return nil, err
	}
	var packets bytes.Buffer
	for _, k := range keys {
		if err := k.entity.Serialize(&packets); err != nil {
			return nil, fmt.Errorf("cannot publish %s: %w", k, err)
		}
	}
	return armored(openpgp.PublicKeyType, packets.Bytes())
}

// entities returns all keys, the expired too, for verifying.
func (r *Keyring) entities() openpgp.EntityList {
	list := make(openpgp.EntityList, len(r.keys))
	for i, k := range r.keys {
		list[i] = k.entity
	}
	return list
}
