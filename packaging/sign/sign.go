// Package sign signs a repository's Release files with OpenPGP, in process: no
// gpg, no agent.
//
// A Keyring is one key file, or a folder of them (*.asc, *.gpg, *.pgp). Every
// key in it that is valid signs, and every one is published, which is what lets
// hosts move from one key to the next:
//
//  1. put the new key beside the old one and sign every suite anew: Releases now
//     carry two signatures, and hosts that know only the old key go on (apt asks
//     for one good signature);
//  2. enroll again: hosts now know both keys;
//  3. take the old key away.
//
// Keys are Ed25519 in the form EdDSA (algorithm 22, version 4), or RSA: apt's
// gpgv of Debian 11 and 12 and its sqv of Debian 13 accept both. The newer
// algorithm 27 and version 6 keys are refused by Debian 12.
//
// Key files are read when the keyring is opened, and secrets are unlocked only
// before the first signature, so that what needs no signature needs no passphrase.
package sign

import (
	"crypto"
	"errors"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

var (
	// ErrPassphrase says that a key is protected and the passphrase is wrong or missing.
	ErrPassphrase = errors.New("wrong or missing passphrase")
	// ErrExpired says that a key's time is over, or has not begun.
	ErrExpired = errors.New("key is not valid now")
)

// Passphrase is asked at most once a keyring, and only if a key is protected.
type Passphrase func() ([]byte, error)

// settings hold for all that is signed: sqv refuses SHA-1, and SHA-512 is what
// both verifiers take from every kind of key.
func settings() *packet.Config {
	return &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA512, DefaultCipher: packet.CipherAES256}
}
