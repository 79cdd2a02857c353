package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// door is a real server for agents: TLS, an operator, an account whose scoped
// key signs for agents, as the controller's own.
type door struct {
	t                        *testing.T
	operator, account, agent nkeys.KeyPair
	certificate              tls.Certificate
	ca                       string // file
	port                     int
	server                   *server.Server
}

func newKey(t *testing.T, make func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	key, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(key nkeys.KeyPair) string {
	p, err := key.PublicKey()
	if err != nil {
		panic(err) // it is a key that was just made
	}
	return p
}

// newDoor opens a door.
func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{
		t: t, port: server.RANDOM_PORT, ca: filepath.Join(t.TempDir(), "ca.pem"),
		operator: newKey(t, nkeys.CreateOperator), account: newKey(t, nkeys.CreateAccount), agent: newKey(t, nkeys.CreateAccount),
	}
	d.certify(time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	d.open()
	t.Cleanup(d.close)
	return d
}

// certify gives the door a certificate that is valid from a time to another.
func (d *door) certify(from, to time.Time) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		d.t.Fatal(err)
	}
	d.certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	write(d.t, d.ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// open starts the server, on the port that it had before.
func (d *door) open() {
	d.t.Helper()
	claims := jwt.NewAccountClaims(public(d.account))
	scope := jwt.NewUserScope()
	scope.Key, scope.Role = public(d.agent), "agent"
	scope.Template.Pub.Allow.Add("h.{{subject()}}")
	scope.Template.Sub.Allow.Add("q.{{subject()}}")
	scope.Template.Resp = &jwt.ResponsePermission{MaxMsgs: 1, Expires: 30 * time.Second}
	scope.Template.NatsLimits = jwt.NatsLimits{Subs: 2, Data: jwt.NoLimit, Payload: health.MaxReport}
	claims.SigningKeys.AddScopedSigner(scope)
	signed, err := claims.Encode(d.operator)
	if err != nil {
		d.t.Fatal(err)
	}
	accounts := &server.MemAccResolver{}
	if err := accounts.Store(public(d.account), signed); err != nil {
		d.t.Fatal(err)
	}
	d.server, err = server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: d.port, NoSigs: true, NoLog: true, TLS: true, TLSTimeout: 20, AuthTimeout: 20,
		TLSConfig:   &tls.Config{Certificates: []tls.Certificate{d.certificate}, MinVersion: tls.VersionTLS13},
		TrustedKeys: []string{public(d.operator)}, AccountResolver: accounts,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.server.Start()
	if !d.server.ReadyForConnections(20 * time.Second) {
		d.t.Fatal("the server does not begin")
	}
	d.port = d.server.Addr().(*net.TCPAddr).Port
}

func (d *door) close() {
	d.server.Shutdown()
	d.server.WaitForShutdown()
}

func (d *door) url() string { return d.server.ClientURL() }

// admit signs for an agent's key.
func (d *door) admit(id string) string {
	d.t.Helper()
	claims := jwt.NewUserClaims(id)
	claims.SetScoped(true)
	claims.IssuerAccount = public(d.account)
	token, err := claims.Encode(d.agent)
	if err != nil {
		d.t.Fatal(err)
	}
	return token
}

// reader connects as a controller does.
func (d *door) reader() *nats.Conn {
	d.t.Helper()
	key := newKey(d.t, nkeys.CreateUser)
	token, err := jwt.NewUserClaims(public(key)).Encode(d.account)
	if err != nil {
		d.t.Fatal(err)
	}
	seed, err := key.Seed()
	if err != nil {
		d.t.Fatal(err)
	}
	c, err := nats.Connect(d.url(), nats.RootCAs(d.ca), nats.UserJWTAndSeed(token, string(seed)), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(c.Close)
	return c
}

func write(t *testing.T, path, text string) {
	t.Helper()
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
}
