package simhost

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/crypto/ssh"
)

// KeyType is a type of host key.
type KeyType string

const (
	Ed25519 KeyType = "ed25519"
	ECDSA   KeyType = "ecdsa" // P-256
	RSA     KeyType = "rsa"   // 3072 bits; one for all hosts and no two fleets the same, since making it is slow
)

// keyring has the keys of all hosts, made when first asked for.
type keyring struct {
	seed      string
	types     []KeyType
	certified bool
	rsa       ssh.Signer // nil if not among types
	authority ssh.Signer

	mu    sync.Mutex
	hosts map[int][]ssh.Signer
}

func newKeyring(o Options) (*keyring, error) {
	k := &keyring{seed: o.Seed, types: o.KeyTypes, certified: o.Certificates, hosts: map[int][]ssh.Signer{}}
	var err error
	if k.authority, err = ssh.NewSignerFromKey(seededEd25519(o.Seed, "authority")); err != nil {
		return nil, fmt.Errorf("cannot make the hosts' authority: %w", err)
	}
	if slices.Contains(o.KeyTypes, RSA) {
		key, err := rsa.GenerateKey(rand.Reader, 3072)
		if err != nil {
			return nil, fmt.Errorf("cannot make an RSA key: %w", err)
		}
		if k.rsa, err = ssh.NewSignerFromKey(key); err != nil {
			return nil, fmt.Errorf("cannot use an RSA key: %w", err)
		}
	}
	return k, nil
}

// of returns the plain keys of a host, one a type.
func (k *keyring) of(host int) ([]ssh.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if keys, made := k.hosts[host]; made {
		return keys, nil
	}
	var keys []ssh.Signer
	for _, t := range k.types {
		key, err := k.make(t, fmt.Sprintf("host %d", host))
		if err != nil {
			return nil, fmt.Errorf("cannot make the %s key of host %d: %w", t, host, err)
		}
		keys = append(keys, key)
	}
	k.hosts[host] = keys
	return keys, nil
}

func (k *keyring) make(t KeyType, name string) (ssh.Signer, error) {
	switch t {
	case RSA:
		return k.rsa, nil
	case ECDSA:
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seeded(k.seed, "ecdsa "+name))
		if err != nil {
			return nil, err
		}
		return ssh.NewSignerFromKey(key)
	}
	return ssh.NewSignerFromKey(seededEd25519(k.seed, name))
}

// shown returns the keys that a host shows: its own or, if it has the fault,
// others, and certificates instead where the fleet has them.
func (k *keyring) shown(host int, principal string, fault Fault) ([]ssh.Signer, error) {
	if fault == WrongKey {
		key, err := k.make(Ed25519, fmt.Sprintf("impostor %d", host))
		return []ssh.Signer{key}, err
	}
	keys, err := k.of(host)
	if err != nil || !k.certified {
		return keys, err
	}
	certified := make([]ssh.Signer, len(keys))
	for i, key := range keys {
		if certified[i], err = k.certify(key, principal); err != nil {
			return nil, fmt.Errorf("cannot certify the key of host %d: %w", host, err)
		}
	}
	return certified, nil
}

func (k *keyring) certify(key ssh.Signer, principal string) (ssh.Signer, error) {
	cert := &ssh.Certificate{
		Key: key.PublicKey(), CertType: ssh.HostCert, KeyId: principal,
		ValidPrincipals: []string{principal}, ValidBefore: ssh.CertTimeInfinity,
	}
	if err := cert.SignCert(rand.Reader, k.authority); err != nil {
		return nil, err
	}
	return ssh.NewCertSigner(cert, key)
}

// clientKey is the key that all hosts accept.
func clientKey(seed string) ed25519.PrivateKey { return seededEd25519(seed, "client") }

// pemOf writes a private key as ssh-keygen does.
func pemOf(key crypto.PrivateKey) ([]byte, error) {
	block, err := ssh.MarshalPrivateKey(key, "simhost")
	if err != nil {
		return nil, fmt.Errorf("cannot write the client's key: %w", err)
	}
	return pem.EncodeToMemory(block), nil
}

func seededEd25519(seed, name string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(seeded(seed, name))
}

func seeded(seed, name string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "simhost\x00%s\x00%s", seed, name))
	return sum[:]
}
