package notify

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// certificate is the one that the mail servers of the tests show.
var certificate tls.Certificate

// TestMain makes the certificate one that this process trusts.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "notify")
	if err == nil {
		err = makeCertificate(filepath.Join(dir, "ca.pem"))
	}
	if err != nil {
		panic(err)
	}
	status := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(status)
}

func makeCertificate(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	pemData := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return errors.Join(os.WriteFile(file, pemData, 0o600), os.Setenv("SSL_CERT_FILE", file))
}

// received is a mail that the server took.
type received struct {
	from string
	to   []string
	user string
	data []byte
}

// session is one connection to the server, which knows one user.
type session struct {
	received
	took chan received
	need bool // to log in
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "aptfleet" || password != "hush" {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.need && s.user == "" {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) (err error) {
	if s.data, err = io.ReadAll(r); err == nil {
		s.took <- s.received
	}
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// mailServer starts a real SMTP server and returns its address.
func mailServer(t *testing.T, withTLS, implicit, login bool) (string, chan received) {
	t.Helper()
	took := make(chan received, 10)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{took: took, need: login}, nil
	}))
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	if withTLS {
		server.TLSConfig = config
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if implicit {
		l = tls.NewListener(l, config)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-done // says that it was closed
	})
	return address, took
}

func TestMail(t *testing.T) {
	t.Setenv("MAIL_PASSWORD", "hush")
	t.Setenv("MAIL_WRONG", "loud")
	right, wrong := Secret{Env: "MAIL_PASSWORD"}, Secret{Env: "MAIL_WRONG"}
	for _, tt := range []struct {
		name                     string
		withTLS, implicit, login bool
		mail                     Mail
		refused                  string // what the error says
	}{
		{"plain", false, false, false, Mail{Encryption: Plain}, ""},
		{"starttls and a password", true, false, true, Mail{User: "aptfleet", Password: right}, ""},
		{"implicit", false, true, false, Mail{Encryption: Implicit}, ""},
		{"implicit and a password", false, true, true, Mail{Encryption: Implicit, User: "aptfleet", Password: right}, ""},
		{"starttls at a server with a certificate of nobody we know", true, false, false, Mail{Server: "localhost"}, "certificate"},
		{"implicit at one", false, true, false, Mail{Server: "localhost", Encryption: Implicit}, "certificate"},
		{"a server without TLS gets nothing", false, false, false, Mail{}, "STARTTLS"},
		{"a wrong password", true, false, true, Mail{User: "aptfleet", Password: wrong}, "Authentication failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var took chan received
			name := cmp.Or(tt.mail.Server, "127.0.0.1") // for which the certificate is
			tt.mail.Server, took = mailServer(t, tt.withTLS, tt.implicit, tt.login)
			tt.mail.Server = strings.Replace(tt.mail.Server, "127.0.0.1", name, 1)
			tt.mail.From, tt.mail.To = "aptfleet <deploy@example.com>", []string{"ada@example.com", "Bob <bob@example.com>"}
			if err := tt.mail.Validate(); err != nil {
				t.Fatal(err)
			}
			err := tt.mail.send(t.Context(), Notice{ID: "R7-1", On: Failure, Rollout: "R7", By: "ci", Time: time.Now(), Text: "R7 has failed: ünder way\r\nBcc: eve@example.com"})
			if tt.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refused) || strings.Contains(err.Error(), "loud") || len(took) != 0 {
					t.Errorf("it was sent, or the error says %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkMail(t, <-took, tt.mail.User)
		})
	}
}

func checkMail(t *testing.T, got received, user string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(got.data))
	if err != nil {
		t.Fatal(err)
	}
	if got.from != "deploy@example.com" || strings.Join(got.to, " ") != "ada@example.com bob@example.com" || got.user != user {
		t.Errorf("it came from %q to %v by %q", got.from, got.to, got.user)
	}
	if m.Header.Get("Bcc") != "" || m.Header.Get("Message-ID") != "<R7-1@aptfleet>" {
		t.Errorf("its headers are %v", m.Header)
	}
	body, err := io.ReadAll(m.Body)
	if err != nil || !strings.Contains(string(body), "aptfleet status R7") {
		t.Errorf("its text is %s, %v", body, err)
	}
}
