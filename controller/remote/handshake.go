package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// The algorithms that are offered, in order. Left out are those that cost the
// controller milliseconds a host (dh-group14) or are broken; chacha20, which is
// 2.4 times slower than AES here, comes last.
var (
	keyExchanges = []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519, ssh.KeyExchangeECDHP256}
	ciphers      = []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherAES128CTR, ssh.CipherAES256CTR, ssh.CipherChaCha20Poly1305}
)

// handshake is one login over one network connection.
type handshake struct {
	target *target
	ask    request

	hostKey error // what is wrong with the host's key, if that ended it
	trusted bool
	denied  bool     // the host has said no to all that we have
	methods []string // by which it would let us in
}

// do returns once the handshake is over or ctx is, whatever the other side
// does. A library call that hangs over a bastion that hangs ends with the
// bastion's connection.
func (h *handshake) do(ctx context.Context, w *wire) (session, error) {
	type result struct {
		session
		err error
	}
	done := make(chan result, 1)
	go func() {
		c, chans, reqs, err := ssh.NewClientConn(w, h.target.address, h.config())
		done <- result{session{c, chans, reqs}, err}
	}()
	select {
	case r := <-done:
		if r.err == nil {
			return r.session, nil
		}
		return session{}, h.explain(r.err)
	case <-ctx.Done():
		go w.Close() // which ends the call above
		return session{}, &trouble{kind: ErrUnreachable, text: "cannot log in to " + h.target.address, cause: context.Cause(ctx)}
	}
}

func (h *handshake) config() *ssh.ClientConfig {
	t := h.target
	return &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: keyExchanges, Ciphers: ciphers},
		ClientVersion:     "SSH-2.0-aptfleet",
		User:              t.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(t.keys.signers...)},
		HostKeyAlgorithms: h.ask.algorithms,
		HostKeyCallback: func(name string, addr net.Addr, key ssh.PublicKey) error {
			h.hostKey = t.check.check(name, addr, key)
			h.trusted = h.hostKey == nil
			return h.hostKey
		},
		AuthCallback: func(a *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
			h.methods = a.AllowedMethods
			h.denied = slices.Contains(a.TriedMethods, "publickey") || !slices.Contains(a.AllowedMethods, "publickey")
			return nil, nil // go on as usual: this only listens
		},
	}
}

// explain turns the library's error into one that says whose turn it is.
func (h *handshake) explain(err error) error {
	var other *otherTypes
	var negotiation *ssh.AlgorithmNegotiationError
	switch {
	case errors.As(h.hostKey, &other):
		return h.hostKey
	case h.hostKey != nil:
		return &trouble{kind: ErrHostKey, text: "cannot log in", cause: h.hostKey}
	case errors.As(err, &negotiation):
		return h.incompatible(err)
	case h.denied, h.trusted && strings.Contains(err.Error(), "uthentication failures"):
		return h.refused(err)
	}
	return &trouble{kind: ErrUnreachable, text: "cannot log in: the host broke off the handshake (it may have too many at once: MaxStartups)", cause: err}
}

// incompatible is the error where both sides share no algorithm.
func (h *handshake) incompatible(err error) error {
	if lines := h.ask.lines; len(lines) > 0 && strings.Contains(err.Error(), "host key") {
		return &trouble{kind: ErrHostKey, text: fmt.Sprintf(
			"cannot log in: host key changed: known_hosts line %v has its %s key, and the host no longer has one; "+
				"if it was installed anew, remove that line and record the new key with \"aptfleet ping --accept-new\"", lines[0], shortType(lines[0].algorithm()))}
	}
	return &trouble{kind: ErrUnreachable, text: "cannot log in: too old or too strict an SSH server", cause: &finalError{err}}
}

// refused is the error where the host takes none of our keys.
func (h *handshake) refused(err error) error {
	if len(h.methods) > 0 && !slices.Contains(h.methods, "publickey") {
		return &trouble{kind: ErrAuth, cause: err, text: fmt.Sprintf("cannot log in as %s: the host takes no keys, only %s (PubkeyAuthentication)",
			h.target.user, strings.Join(h.methods, ", "))}
	}
	var offered []string
	for _, s := range h.target.keys.signers {
		offered = append(offered, shortType(s.PublicKey().Type())+" "+ssh.FingerprintSHA256(s.PublicKey()))
	}
	text := fmt.Sprintf("cannot log in as %s: the host takes none of our keys (%s); add one to the authorized_keys of %s there, or name another with identity",
		h.target.user, strings.Join(offered, ", "), h.target.user)
	if hint := h.target.keys.hint; hint != "" {
		text += "; " + hint
	}
	return &trouble{kind: ErrAuth, text: text, cause: err}
}
