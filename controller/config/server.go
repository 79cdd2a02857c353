package config

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/controller/access"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// Server is where the daemon answers besides its socket, and whom.
type Server struct {
	Listen     string // host:port of the API; "" is nowhere
	Repository string // host:port at which the repository's files are served; "" is nowhere
	TLSCert    string // files in PEM; "" is without TLS
	TLSKey     string
	Tokens     access.Tokens
}

type serverTable struct {
	Listen     string       `toml:"listen"`
	Repository string       `toml:"repository"`
	TLSCert    string       `toml:"tls_cert"`
	TLSKey     string       `toml:"tls_key"`
	Tokens     []tokenTable `toml:"tokens"`
}

type tokenTable struct {
	Name    string      `toml:"name"`
	Role    access.Role `toml:"role"`
	Hash    access.Hash `toml:"hash"`
	Expires date        `toml:"expires"`
}

// date is a day, whose beginning in UTC counts, or a moment.
type date time.Time

// UnmarshalText reads 2027-01-31 and RFC 3339.
func (d *date) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, string(text)); err == nil {
			*d = date(at)
			return nil
		}
	}
	return fmt.Errorf("%q is no date such as \"2027-01-31\" or \"2027-01-31T08:00:00Z\"", text)
}

func (t *serverTable) resolve(source *tomlfile.File) Server {
	s := Server{Listen: t.Listen, Repository: t.Repository}
	if t.TLSCert != "" {
		s.TLSCert, s.TLSKey = source.Path(t.TLSCert), source.Path(t.TLSKey)
	}
	for _, token := range t.Tokens {
		s.Tokens = append(s.Tokens, access.Token{Name: token.Name, Role: token.Role, Hash: token.Hash, Expires: time.Time(token.Expires)})
	}
	return s
}

func (t *serverTable) validate(source *tomlfile.File) error {
	var errs []error
	check := func(err error, key ...string) {
		if err != nil {
			errs = append(errs, source.Errorf(tomlfile.Key{"server"}.With(key...), "%w", err))
		}
	}
	check(t.validateListen(), "listen")
	check(validateAddress(t.Repository), "repository")
	if (t.TLSCert == "") != (t.TLSKey == "") {
		check(errors.New("tls_cert and tls_key belong together"))
	}
	names, hashes := map[string]bool{}, map[access.Hash]bool{}
	for i, token := range t.Tokens {
		at := []string{"tokens", tomlfile.Index(i)}
		check(validateName(token.Name, names), append(at, "name")...)
		if token.Role == "" {
			check(errors.New("a token has a role"), at...)
		}
		if token.Hash == "" || hashes[token.Hash] {
			check(errors.New("a token has a hash of its own, from \"aptfleet token new\""), at...)
		}
		names[token.Name], hashes[token.Hash] = true, true
	}
	return errors.Join(errs...)
}

// validateListen lets the API be reached from elsewhere only where nobody can
// listen in, and somebody is known.
func (t *serverTable) validateListen() error {
	if err := validateAddress(t.Listen); err != nil || t.Listen == "" {
		return err
	}
	host, _, _ := net.SplitHostPort(t.Listen) // validateAddress has split it
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	if t.TLSCert == "" || len(t.Tokens) == 0 {
		return fmt.Errorf("%q can be reached from other machines: that takes tls_cert, tls_key and at least one of server.tokens", t.Listen)
	}
	return nil
}

func validateAddress(s string) error {
	if s == "" {
		return nil
	}
	if _, port, err := net.SplitHostPort(s); err != nil || port == "" || strings.ContainsAny(s, " \t\r\n") {
		return fmt.Errorf("%q is no address to listen on such as \"127.0.0.1:8070\" or \":8070\"", s)
	}
	return nil
}

// validateName takes what can stand in a line of history.
func validateName(s string, there map[string]bool) error {
	if there[s] {
		return fmt.Errorf("the name %q is there twice", s)
	}
	allowed := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._@-", r)
	}
	if s == "" || len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) }) {
		return fmt.Errorf("the name %q is empty, long, or has others than letters, digits and ._@-", s)
	}
	return nil
}
