package agent

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// tlsClock is the time by which the certificates of servers are judged: the
// host's, or where that is outside the validity of a server's certificate, the
// nearest that is not. All else of a certificate is checked as ever. So a host
// whose clock is wrong can say so, where it would have been silent.
//
// It takes a certificate that is over, since nobody can tell that from a clock
// that is wrong. But one that was over before the controller signed the host's
// token is refused: the controller has had another one since.
type tlsClock struct {
	token func() (string, error)
	log   *slog.Logger

	mu    sync.Mutex
	doubt *x509.Certificate // the last that a connection failed for by its times alone
}

// now is for tls.Config.
func (c *tlsClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.doubt == nil:
		return now
	case now.Before(c.doubt.NotBefore):
		return c.doubt.NotBefore
	case now.After(c.doubt.NotAfter):
		return c.doubt.NotAfter
	}
	return now
}

// failed is told why there is no connection.
func (c *tlsClock) failed(err error) {
	invalid, is := errors.AsType[x509.CertificateInvalidError](err)
	if !is || invalid.Reason != x509.Expired {
		return
	}
	signed, err := c.signed()
	if err != nil {
		c.log.Warn("it cannot be told when this host was enrolled", "error", err)
		return
	}
	validity := []any{"from", invalid.Cert.NotBefore, "to", invalid.Cert.NotAfter}
	if invalid.Cert.NotAfter.Before(signed) {
		c.log.Error("the server's certificate was over when this host was enrolled", append(validity, "enrolled", signed)...)
		return
	}
	c.log.Warn("the server's certificate is not valid by this host's clock, which counts as wrong", validity...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubt = invalid.Cert
}

// signed returns when the controller signed the token, by its own clock.
func (c *tlsClock) signed() (time.Time, error) {
	token, err := c.token()
	if err != nil {
		return time.Time{}, err
	}
	return issuedAt(token)
}

// issuedAt returns when a token was signed, by the clock of who did. Its signature
// is not looked at: the file is root's.
func issuedAt(token string) (time.Time, error) {
	parts := strings.Split(token, ".") // RFC 7519, section 3
	if len(parts) != 3 {
		return time.Time{}, errors.New("the token is damaged")
	}
	var claims struct {
		IssuedAt int64 `json:"iat"`
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(data, &claims)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("the token is damaged: %w", err)
	}
	return time.Unix(claims.IssuedAt, 0), nil
}
