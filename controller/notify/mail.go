package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"
)

// Encryption is how the connection to a mail server is protected.
type Encryption string

// The ways. The zero value is StartTLS.
const (
	StartTLS Encryption = "starttls" // begun on a plain connection, and insisted on
	Implicit Encryption = "implicit" // from the first byte, as on port 465
	Plain    Encryption = "none"     // for a server on this machine
)

// UnmarshalText reads a way, and refuses what is none.
func (e *Encryption) UnmarshalText(text []byte) error {
	switch Encryption(text) {
	case StartTLS, Implicit, Plain:
		*e = Encryption(text)
		return nil
	}
	return fmt.Errorf("%q is no encryption: want %s, %s or %s", text, StartTLS, Implicit, Plain)
}

// Mail is who gets notices by mail, and through which server.
type Mail struct {
	Server     string // host:port
	Encryption Encryption
	User       string // "" logs in nowhere
	Password   Secret
	From       string
	To         []string
}

// Validate reports what of it can't be meant.
func (m Mail) Validate() error {
	var errs []error
	if _, _, err := m.address(); err != nil {
		errs = append(errs, err)
	}
	if len(m.To) == 0 {
		errs = append(errs, errors.New("to names nobody"))
	}
	for _, a := range append([]string{m.From}, m.To...) {
		if _, err := netmail.ParseAddress(a); err != nil {
			errs = append(errs, fmt.Errorf("%q is no mail address", a))
		}
	}
	switch {
	case (m.User == "") != m.Password.IsZero():
		errs = append(errs, errors.New("user and password belong together"))
	case m.User != "" && m.Encryption == Plain:
		errs = append(errs, errors.New("a password is not sent without encryption"))
	}
	return errors.Join(append(errs, m.Password.Validate())...)
}

func (m Mail) address() (host string, port int, err error) {
	host, service, err := net.SplitHostPort(m.Server)
	if err == nil {
		port, err = strconv.Atoi(service)
	}
	if err != nil || host == "" || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("%q is no mail server such as \"smtp.example.com:587\"", m.Server)
	}
	return host, port, nil
}

// send mails a notice to all in one mail.
func (m Mail) send(ctx context.Context, n Notice) error {
	message, err := m.message(n)
	if err != nil {
		return err
	}
	ending, end := context.WithCancel(ctx)
	defer end()
	c, err := m.client(ending)
	if err != nil {
		return err
	}
	err = c.DialAndSendWithContext(ctx, message)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // of which the connection was closed
	}
	if err != nil {
		return fmt.Errorf("cannot mail through %s: %w", m.Server, err)
	}
	return nil
}

// client returns a client whose connection is closed once ending ends. The library
// heeds a context only until it is connected, waits for each answer anew, and leaves
// the connection open where it fails.
func (m Mail) client(ending context.Context) (*mail.Client, error) {
	host, port, err := m.address()
	if err != nil {
		return nil, err
	}
	policy, dial := mail.TLSMandatory, (&net.Dialer{}).DialContext
	switch m.Encryption {
	case Implicit:
		policy = mail.TLSOpportunistic // it begins with what the dialer has made
		dial = (&tls.Dialer{Config: &tls.Config{ServerName: host}}).DialContext
	case Plain:
		policy = mail.NoTLS
	}
	options := []mail.Option{mail.WithPort(port), mail.WithTimeout(tryTimeout), mail.WithTLSPolicy(policy)}
	options = append(options, mail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			context.AfterFunc(ending, func() { _ = conn.Close() }) // nothing more is sent
		}
		return conn, err
	}))
	if m.User != "" {
		password, err := m.Password.Read()
		if err != nil {
			return nil, err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.User), mail.WithPassword(password))
	}
	return mail.NewClient(host, options...)
}

func (m Mail) message(n Notice) (*mail.Msg, error) {
	message := mail.NewMsg()
	if err := errors.Join(message.From(m.From), message.To(m.To...)); err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(n.Text, "\n")
	message.Subject("[aptfleet] " + first)
	message.SetMessageIDWithValue(n.ID + "@aptfleet")
	message.SetDateWithValue(n.Time)
	message.SetBulk()
	look := "status " + string(n.Rollout)
	if n.Schedule != "" {
		look = "schedule list"
	}
	message.SetBodyString(mail.TypeTextPlain, fmt.Sprintf("%s\n\nAt %s, by %s.\n\naptfleet %s\n",
		n.Text, n.Time.Local().Format("2006-01-02 15:04:05 -07:00"), n.By, look))
	return message, nil
}
