package simhost

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// doorkeeper decides which client keys a host accepts.
type doorkeeper struct {
	known     map[string]bool // by wire format
	authority []byte          // nil if there is none
}

func newDoorkeeper(o Options) (*doorkeeper, error) {
	own, err := ssh.NewSignerFromKey(clientKey(o.Seed))
	if err != nil {
		return nil, fmt.Errorf("cannot use the client's key: %w", err)
	}
	d := &doorkeeper{known: map[string]bool{string(own.PublicKey().Marshal()): true}}
	for _, key := range o.AuthorizedKeys {
		d.known[string(key.Marshal())] = true
	}
	if o.UserAuthority != nil {
		d.authority = o.UserAuthority.Marshal()
	}
	return d, nil
}

var errUnknownKey = errors.New("unknown key")

// admit is an ssh.ServerConfig's PublicKeyCallback.
func (d *doorkeeper) admit(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if _, certificate := key.(*ssh.Certificate); certificate {
		checker := ssh.CertChecker{IsUserAuthority: func(signer ssh.PublicKey) bool {
			return d.authority != nil && bytes.Equal(signer.Marshal(), d.authority)
		}}
		return checker.Authenticate(meta, key)
	}
	if d.known[string(key.Marshal())] {
		return nil, nil
	}
	return nil, errUnknownKey
}

func refuseAll(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, errUnknownKey }
