package sign

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const (
	clearHead = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
	clearFoot = "-----BEGIN PGP SIGNATURE-----"
)

// ClearSign returns release as an InRelease file, signed by every valid key.
//
// The frame is written by hand, because the library's clearsign leaves out the
// checksum, without which gpgv exits with 2. A line that would have to be
// escaped (RFC 4880, 7.1) or that gpgv reads differently than apt is refused.
func (r *Keyring) ClearSign(release []byte) ([]byte, error) {
	if err := plain(release); err != nil {
		return nil, fmt.Errorf("cannot sign the release: %w", err)
	}
	text, _ := bytes.CutSuffix(release, []byte("\n")) // the last line end belongs to the frame
	signatures, err := r.signatures(text, openpgp.DetachSignText)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{[]byte(clearHead), text, []byte("\n"), signatures}, nil), nil
}

// DetachSign returns the Release.gpg that belongs to release, signed by every
// valid key.
func (r *Keyring) DetachSign(release []byte) ([]byte, error) {
	return r.signatures(release, openpgp.DetachSign)
}

type signFunc func(io.Writer, *openpgp.Entity, io.Reader, *packet.Config) error

func (r *Keyring) signatures(text []byte, sign signFunc) ([]byte, error) {
	keys, err := r.unlocked()
	if err != nil {
		return nil, err
	}
	config := settings()
	config.Time = r.now
	var packets bytes.Buffer
	for _, k := range keys {
		if err := sign(&packets, k.entity, bytes.NewReader(text), config); err != nil {
			return nil, fmt.Errorf("cannot sign with %s: %w", k, err)
		}
	}
	return armored(openpgp.SignatureType, packets.Bytes())
}

func plain(release []byte) error {
	for i, line := range strings.Split(string(release), "\n") {
		if strings.HasPrefix(line, "-") || strings.TrimRight(line, " \t\r") != line {
			return fmt.Errorf("line %d begins with - or ends in a blank: %q", i+1, line)
		}
	}
	return nil
}

// Release returns the text of an InRelease file as ClearSign was given it. It
// checks no signature.
func Release(inRelease []byte) ([]byte, error) {
	text, _, err := split(inRelease)
	return text, err
}

func split(inRelease []byte) (text, signature []byte, err error) {
	body, ok := bytes.CutPrefix(inRelease, []byte(clearHead))
	at := bytes.Index(body, []byte("\n"+clearFoot))
	if !ok || at < 0 {
		return nil, nil, fmt.Errorf("cannot read InRelease: it is not a file that aptfleet signed")
	}
	return body[:at+1], body[at+1:], nil
}

// VerifyClear checks that one of the keys has signed inRelease, and returns the
// release in it.
func (r *Keyring) VerifyClear(inRelease []byte) ([]byte, error) {
	text, signature, err := split(inRelease)
	if err != nil {
		return nil, err
	}
	if err := r.verify(bytes.TrimSuffix(text, []byte("\n")), signature); err != nil {
		return nil, fmt.Errorf("cannot verify InRelease: %w", err)
	}
	return text, nil
}

// VerifyDetached checks that one of the keys has made signature over release.
func (r *Keyring) VerifyDetached(release, signature []byte) error {
	if err := r.verify(release, signature); err != nil {
		return fmt.Errorf("cannot verify Release.gpg: %w", err)
	}
	return nil
}

func (r *Keyring) verify(text, signature []byte) error {
	config := settings()
	config.Time = r.now
	_, err := openpgp.CheckArmoredDetachedSignature(r.entities(), bytes.NewReader(text), bytes.NewReader(signature), config)
	return err
}
