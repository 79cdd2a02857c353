package bus

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The files of the authority, in the bus's folder. Certificate and key are in
// one file: a crash between two would leave a pair that does not fit.
const authorityName = "authority.pem"

// How long certificates are valid. Hosts have the authority's, which nobody
// wants to replace on all of them at once.
const (
	authorityLife = 30 * 365 * 24 * time.Hour
	serverLife    = 90 * 24 * time.Hour
)

// authority signs the certificates of the bus's servers, for installations that
// have no other. Agents trust it and nothing else.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// ownAuthority returns the authority in the file at path, which it makes if it
// is missing.
func ownAuthority(path string) (*authority, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if data, err = newAuthority(); err == nil {
			err = writeSecret(path, data)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the bus's certificate authority: %w", err)
	}
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, fmt.Errorf("cannot use the bus's certificate authority %s: %w", path, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("cannot use the bus's certificate authority %s: its key is no ECDSA key", path)
	}
	return &authority{pair.Leaf, key}, nil
}

// newAuthority returns an authority as it is stored.
func newAuthority() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c, err := template(authorityLife)
	if err != nil {
		return nil, err
	}
	c.Subject = pkix.Name{CommonName: "aptfleet bus " + c.SerialNumber.Text(36)}
	c.IsCA, c.BasicConstraintsValid, c.MaxPathLenZero = true, true, true
	c.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return encodePair(der, key)
}

// template returns a certificate that is valid for a time. The clocks of hosts
// may be behind.
func template(life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(life)}, nil
}

// issue returns a certificate and its key for a server that is reached by these
// names or addresses.
func (a *authority) issue(names []string, life time.Duration) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c, err := template(life)
	if err != nil {
		return nil, err
	}
	c.Subject = pkix.Name{CommonName: "aptfleet bus server"}
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} // nodes of a cluster are both
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	return encodePair(der, key)
}

// PEM returns the authority's certificate, for those who are to trust it.
func (a *authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

func encodePair(der []byte, key *ecdsa.PrivateKey) ([]byte, error) {
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(public, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), nil
}

// AuthorityFile is where the installation's own authority is, once it is made.
func AuthorityFile(state string) string { return filepath.Join(state, folderName, authorityName) }

// Authority returns the certificate of the installation's own authority, which
// signs those of the bus's servers; it is made if there is none yet. state is
// the state folder.
func Authority(state string) ([]byte, error) {
	folder := filepath.Join(state, folderName)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("cannot use the bus's certificate authority: %w", err)
	}
	a, err := ownAuthority(filepath.Join(folder, authorityName))
	if err != nil {
		return nil, err
	}
	return a.PEM(), nil
}
