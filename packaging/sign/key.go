package sign

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Key is one key with which a repository is signed.
type Key struct {
	entity *openpgp.Entity
	from   string // the file it was read from, for errors
}

// backdated is by how much a new key's time of creation lies in the past, so
// that a host whose clock is behind accepts it at once.
const backdated = time.Hour

// Generate makes a new key for identity, "Name <address>" or only a name. It
// never expires: a repository whose key expires unnoticed is a fleet that
// silently installs nothing, and moving to a new key needs no expiry.
func Generate(identity string) (*Key, error) {
	return generate(identity, time.Now().Add(-backdated), 0)
}

func generate(identity string, created time.Time, lifetime time.Duration) (*Key, error) {
	name, address := identity, ""
	if a, err := mail.ParseAddress(identity); err == nil {
		name, address = a.Name, a.Address
	}
	config := settings()
	config.Time = func() time.Time { return created }
	config.KeyLifetimeSecs = uint32(lifetime / time.Second)
	entity, err := openpgp.NewEntity(name, "", address, config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a signing key for %q: %w", identity, err)
	}
	entity.Subkeys = nil // for encryption, of which an archive has none
	return &Key{entity: entity}, nil
}

// Import reads one secret key as `gpg --export-secret-keys` writes it, armoured
// or not. It asks for no particular mode of the file: Store gives the right one.
func Import(path string) (*Key, error) {
	keys, err := readKeys(path)
	if err != nil {
		return nil, err
	}
	if len(keys) != 1 {
		return nil, fmt.Errorf("cannot import signing key %s: it holds %d keys, want one", path, len(keys))
	}
	if _, err := keys[0].signer(time.Now()); err != nil {
		return nil, fmt.Errorf("cannot import signing key %s: %w", path, err)
	}
	return keys[0], nil
}

// Store writes the key to a new file that only its owner can read, protected by
// passphrase if that is not empty. It never overwrites: a lost signing key
// means a visit to every host.
func (k *Key) Store(path string, passphrase []byte) error {
	data, err := k.armored(passphrase)
	if err != nil {
		return fmt.Errorf("cannot store signing key %s: %w", path, err)
	}
	if err := writeNew(path, data); err != nil {
		return fmt.Errorf("cannot store signing key %s: %w", path, err)
	}
	return nil
}

func (k *Key) armored(passphrase []byte) ([]byte, error) {
	var plain bytes.Buffer
	if err := k.entity.SerializePrivateWithoutSigning(&plain, nil); err != nil {
		return nil, err
	}
	if len(passphrase) == 0 {
		return armored(openpgp.PrivateKeyType, plain.Bytes())
	}
	// A copy is locked, so that k itself can go on signing.
	locked, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(plain.Bytes())))
	if err != nil {
		return nil, err
	}
	if err := locked.EncryptPrivateKeys(passphrase, settings()); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := locked.SerializePrivateWithoutSigning(&out, nil); err != nil {
		return nil, err
	}
	return armored(openpgp.PrivateKeyType, out.Bytes())
}

// writeNew writes a file that appears whole or not at all, and refuses to
// replace one: a link, unlike a rename, fails where there is a file.
func writeNew(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // linked by then, or worth nothing
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Link(tmp.Name(), path)
}

// readKeys reads all secret keys of one file.
func readKeys(path string) ([]*Key, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read signing key: %w", err)
	}
	entities, err := parseKeys(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read signing key %s: %w", path, err)
	}
	keys := make([]*Key, len(entities))
	for i, entity := range entities {
		keys[i] = &Key{entity: entity, from: path}
		if err := keys[i].fit(); err != nil {
			return nil, fmt.Errorf("cannot use signing key %s: %w", path, err)
		}
	}
	return keys, nil
}

func parseKeys(data []byte) (openpgp.EntityList, error) {
	read := openpgp.ReadKeyRing
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN")) {
		read = openpgp.ReadArmoredKeyRing
	}
	entities, err := read(bytes.NewReader(data))
	if err == nil && len(entities) == 0 {
		err = errors.New("there is no key in it")
	}
	return entities, err
}

// fit refuses keys whose signatures some hosts would not accept.
func (k *Key) fit() error {
	if k.entity.PrivateKey == nil {
		return fmt.Errorf("%s is a public key: export the secret one with `gpg --export-secret-keys`", k)
	}
	if err := k.strong(k.entity.PrimaryKey); err != nil {
		return err
	}
	switch self, _ := k.entity.PrimarySelfSignature(); {
	case k.entity.PrimaryKey.Version != 4:
		return fmt.Errorf("%s is of version %d, which Debian 12 does not accept", k, k.entity.PrimaryKey.Version)
	case self == nil:
		return fmt.Errorf("%s is not signed by itself", k)
	case self.Hash == crypto.SHA1 || self.Hash == crypto.MD5:
		return fmt.Errorf("%s is bound with %v, which Debian 13 does not accept: renew it with `gpg --quick-set-expire`", k, self.Hash)
	}
	return nil
}

// minRSA is what sqv of Debian 13 wants of an RSA key, in bits.
const minRSA = 2048

// strong refuses RSA that is too short, of the key or of a subkey.
func (k *Key) strong(public *packet.PublicKey) error {
	switch public.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		if bits, err := public.BitLength(); err != nil || bits < minRSA {
			return fmt.Errorf("%s is RSA of %d bits, which Debian 13 does not accept: it wants %d or more", k, bits, minRSA)
		}
	}
	return nil
}

// signer returns the key or subkey that signs at the time now.
func (k *Key) signer(now time.Time) (openpgp.Key, error) {
	key, ok := k.entity.SigningKey(now)
	if !ok {
		return key, k.whyNot(now)
	}
	switch algorithm := key.PublicKey.PubKeyAlgo; algorithm {
	case packet.PubKeyAlgoEdDSA, packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
	default:
		return key, fmt.Errorf("cannot sign with %s: algorithm %d is not one that every apt accepts (EdDSA and RSA are)", k, algorithm)
	}
	if err := k.strong(key.PublicKey); err != nil {
		return key, err
	}
	if key.PrivateKey == nil || key.PrivateKey.Dummy() {
		return key, fmt.Errorf("cannot sign with %s: its file lacks the secret part", k)
	}
	return key, nil
}

func (k *Key) whyNot(now time.Time) error {
	self, _ := k.entity.PrimarySelfSignature()
	created := k.entity.PrimaryKey.CreationTime
	switch {
	case k.entity.Revoked(now):
		return fmt.Errorf("cannot sign with %s: it was revoked", k)
	case created.After(now):
		return fmt.Errorf("cannot sign with %s: it was made at %s, which is in the future: %w", k, stamp(created), ErrExpired)
	case k.entity.PrimaryKey.KeyExpired(self, now):
		expiry := created.Add(time.Duration(*self.KeyLifetimeSecs) * time.Second)
		return fmt.Errorf("cannot sign with %s: it expired at %s: %w", k, stamp(expiry), ErrExpired)
	}
	return fmt.Errorf("cannot sign with %s: it is not meant for signing, or its signing subkey has expired: %w", k, ErrExpired)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// unlock makes the secret usable; where it already is, nothing is asked.
func (k *Key) unlock(now time.Time, passphrase Passphrase) error {
	key, err := k.signer(now)
	if err != nil || !key.PrivateKey.Encrypted {
		return err
	}
	secret, err := passphrase()
	if err != nil {
		return fmt.Errorf("cannot unlock %s: %w", k, err)
	}
	if err := k.entity.DecryptPrivateKeys(secret); err != nil {
		return fmt.Errorf("cannot unlock %s: %w", k, ErrPassphrase)
	}
	return nil
}

// Fingerprint returns the key's fingerprint in hexadecimal.
func (k *Key) Fingerprint() string { return fmt.Sprintf("%X", k.entity.PrimaryKey.Fingerprint) }

// String names the key in messages: its file if it has one, its fingerprint and its owner.
func (k *Key) String() string {
	name := "key " + k.Fingerprint()
	if id := k.entity.PrimaryIdentity(); id != nil {
		name += " (" + id.Name + ")"
	}
	if k.from != "" {
		name = k.from + ": " + name
	}
	return name
}

// armored frames packets with the checksum line that gpgv wants.
func armored(kind string, packets []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := armor.EncodeWithChecksumOption(&out, kind, nil, true)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, bytes.NewReader(packets)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
