package remote

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

// plainAlgorithms are the host keys that we take, the cheapest to verify among
// the strong ones first: the library would take ECDSA and RSA before Ed25519
// and then call a host whose Ed25519 key is known an impostor.
var plainAlgorithms = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
}

// certAlgorithms are the same for hosts with a certificate.
var certAlgorithms = []string{
	ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01, ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
}

// hostNames are what a host may be called in known_hosts.
type hostNames struct {
	bare  []string // without a port, as certificates have them
	exact []string // with the port, where it is not 22
	loose []string // without it, which ssh takes too if exact is not known
}

func namesOf(port int, names ...string) hostNames {
	var n hostNames
	for _, name := range names {
		name = strings.ToLower(name)
		if name == "" || slices.Contains(n.bare, name) {
			continue
		}
		n.bare = append(n.bare, name)
		if port == 22 {
			n.exact = append(n.exact, name)
			continue
		}
		n.exact = append(n.exact, "["+name+"]:"+strconv.Itoa(port))
		n.loose = append(n.loose, name)
	}
	return n
}

// hostKeyCheck decides about the key of one host in one handshake.
type hostKeyCheck struct {
	known  *knownHosts
	names  hostNames
	accept bool // take a key of a host that is not known, and record it
}

// otherTypes says that the host showed a key of a type that known_hosts does
// not have for it, but that there are others: ask for one of those.
type otherTypes struct{ lines []hostKey }

func (o *otherTypes) Error() string {
	return fmt.Sprintf("known_hosts line %v has its %s key only", o.lines[0], shortType(o.lines[0].algorithm()))
}

// request is what a host is asked to show in a handshake, and the lines of
// known_hosts that are the reason.
type request struct {
	algorithms []string
	lines      []hostKey
}

func requestFor(lines []hostKey) request { return request{algorithmsOf(lines), lines} }

// request returns what to ask the host for, so that it shows a key that can be
// checked.
func (h hostKeyCheck) request() request {
	h.known.mu.RLock()
	defer h.known.mu.RUnlock()
	var algos []string
	if slices.ContainsFunc(h.known.authorities, func(p patternKey) bool {
		return slices.ContainsFunc(h.names.exact, p.matches) || slices.ContainsFunc(h.names.loose, p.matches)
	}) {
		algos = append(algos, certAlgorithms...)
	}
	if exact := h.readable(h.names.exact); len(exact) > 0 {
		return request{append(algos, algorithmsOf(exact)...), exact}
	}
	algos = append(algos, algorithmsOf(h.readable(h.names.loose))...)
	for _, a := range plainAlgorithms {
		if !slices.Contains(algos, a) {
			algos = append(algos, a)
		}
	}
	return request{algorithms: algos}
}

func (h hostKeyCheck) readable(names []string) []hostKey {
	var keys []hostKey
	for _, name := range names {
		keys = append(keys, h.known.readable(name)...)
	}
	return keys
}

// algorithmsOf returns the algorithms that show one of keys, in our order.
func algorithmsOf(keys []hostKey) []string {
	var algos []string
	for _, a := range plainAlgorithms {
		typ := a
		if a == ssh.KeyAlgoRSASHA256 || a == ssh.KeyAlgoRSASHA512 {
			typ = ssh.KeyAlgoRSA
		}
		if slices.ContainsFunc(keys, func(k hostKey) bool { return k.algorithm() == typ }) {
			algos = append(algos, a)
		}
	}
	return algos
}

// check is an ssh.HostKeyCallback.
func (h hostKeyCheck) check(_ string, _ net.Addr, key ssh.PublicKey) error {
	if cert, ok := key.(*ssh.Certificate); ok {
		signed, err := h.certified(cert)
		if signed || err != nil {
			return err
		}
		key = cert.Key // no authority of ours signed it: it counts as the plain key, as with ssh
	}
	err := h.plain(key)
	if errors.Is(err, errUnknownKey) && h.accept {
		return h.known.record(h.names, key)
	}
	return err
}

// certified reports whether an authority of known_hosts signed the certificate,
// and what is wrong with it if one did.
func (h hostKeyCheck) certified(cert *ssh.Certificate) (bool, error) {
	h.known.mu.RLock()
	defer h.known.mu.RUnlock()
	byUs := func(name string) bool { return h.known.signs(cert.SignatureKey, name) }
	if !slices.ContainsFunc(h.names.exact, byUs) && !slices.ContainsFunc(h.names.loose, byUs) {
		return false, nil
	}
	for _, k := range []ssh.PublicKey{cert.SignatureKey, cert.Key} {
		if line, revoked := h.known.revoked[string(k.Marshal())]; revoked {
			return true, revokedKey(line)
		}
	}
	if cert.CertType != ssh.HostCert {
		return true, &trouble{kind: ErrHostKey, text: "the host shows a user's certificate instead of a host's"}
	}
	var err error
	for _, name := range h.names.bare {
		if err = new(ssh.CertChecker).CheckCert(name, cert); err == nil {
			return true, nil
		}
	}
	return true, &trouble{kind: ErrHostKey, text: fmt.Sprintf("host certificate %q is not valid for it", cert.KeyId), cause: err}
}

var errUnknownKey = errors.New("host key is not known")

func (h hostKeyCheck) plain(key ssh.PublicKey) error {
	h.known.mu.RLock()
	defer h.known.mu.RUnlock()
	blob := string(key.Marshal())
	if line, revoked := h.known.revoked[blob]; revoked {
		return revokedKey(line)
	}
	hasKey := func(name string) bool { return h.known.has(name, blob) }
	if slices.ContainsFunc(h.names.exact, hasKey) {
		return nil
	}
	var lines []hostKey
	for _, name := range h.names.exact {
		lines = append(lines, h.known.all(name)...)
	}
	for _, line := range lines {
		if line.algorithm() == key.Type() {
			return changedKey(line, key)
		}
	}
	if len(lines) > 0 {
		return &otherTypes{lines}
	}
	if slices.ContainsFunc(h.names.loose, hasKey) {
		return nil
	}
	return &trouble{kind: ErrHostKey, cause: errUnknownKey, text: fmt.Sprintf(
		"it shows the %s key %s; check that with someone who knows the host, then record it with \"aptfleet ping --accept-new\"",
		key.Type(), ssh.FingerprintSHA256(key))}
}

func revokedKey(line hostKey) error {
	return &trouble{kind: ErrHostKey, text: fmt.Sprintf("host key is revoked: known_hosts line %v", line)}
}

func changedKey(line hostKey, key ssh.PublicKey) error {
	return &trouble{kind: ErrHostKey, text: fmt.Sprintf(
		"host key changed: known_hosts line %v has another %s key than the host shows (%s); "+
			"someone may be in the middle; if the host was installed anew, remove that line and record the new key with \"aptfleet ping --accept-new\"",
		line, shortType(key.Type()), ssh.FingerprintSHA256(key))}
}

// shortType returns ed25519 for ssh-ed25519 and the like.
func shortType(typ string) string {
	typ = strings.TrimPrefix(strings.TrimPrefix(typ, "ssh-"), "ecdsa-sha2-")
	return strings.TrimSuffix(typ, "@openssh.com")
}
