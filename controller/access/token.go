package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Why a token is refused.
var (
	ErrUnknown = errors.New("nobody has this token")
	ErrExpired = errors.New("this token has expired")
)

// Hash is what is kept of a token: "sha256:" and 64 hexadecimal digits.
type Hash string

const (
	hashPrefix  = "sha256:"
	tokenPrefix = "aptfleet_" // by which people and scanners know a token that leaked
)

// UnmarshalText reads a hash, and refuses what is none.
func (h *Hash) UnmarshalText(text []byte) error {
	digits, ok := strings.CutPrefix(string(text), hashPrefix)
	if sum, err := hex.DecodeString(digits); !ok || err != nil || len(sum) != sha256.Size {
		// Not shown: it may be the token itself, put here by mistake.
		return fmt.Errorf("is no hash such as \"aptfleet token new\" prints: %s and %d digits", hashPrefix, hex.EncodedLen(sha256.Size))
	}
	*h = Hash(hashPrefix + strings.ToLower(digits))
	return nil
}

func hashOf(secret string) Hash {
	sum := sha256.Sum256([]byte(secret))
	return Hash(hashPrefix + hex.EncodeToString(sum[:]))
}

// NewSecret returns a new token, and what is to be kept of it.
func NewSecret() (secret string, hash Hash) {
	secret = tokenPrefix + rand.Text()
	return secret, hashOf(secret)
}

// Token is what is known of a token, which is not the token itself.
type Token struct {
	Name    string // who has it
	Role    Role
	Hash    Hash
	Expires time.Time // zero is never
}

// Tokens are all there are. They may be used concurrently while nobody changes
// them.
type Tokens []Token

// Find returns what is known of a token that somebody showed, or ErrUnknown or
// ErrExpired; with the latter it says whose it was. How long it takes tells
// nothing of the tokens.
func (ts Tokens) Find(secret string, now time.Time) (Token, error) {
	shown := []byte(hashOf(secret))
	var found Token
	for _, t := range ts {
		if subtle.ConstantTimeCompare(shown, []byte(t.Hash)) == 1 {
			found = t
		}
	}
	switch {
	case found.Hash == "":
		return Token{}, ErrUnknown
	case !found.Expires.IsZero() && !now.Before(found.Expires):
		return found, ErrExpired
	}
	return found, nil
}
