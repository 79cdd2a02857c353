package simagent

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// Agent is the agent of one host, which the controller lets in.
type Agent struct {
	Host, Seed, ID, Token string // ID is the public part of its key

	conn *nats.Conn
}

// connect connects the agent as real ones do, but for what options say.
func (a *Agent) connect(address string, secure *tls.Config, options []nats.Option) error {
	key, err := nkeys.FromSeed([]byte(a.Seed))
	if err != nil {
		return err
	}
	a.conn, err = nats.Connect("tls://"+address, append([]nats.Option{
		nats.Secure(secure), nats.Name("aptfleet-agent"), nats.Timeout(time.Minute), nats.PingInterval(15 * time.Second),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // of lost connections, as controllers are killed
		nats.UserJWT(func() (string, error) { return a.Token, nil }, key.Sign),
	}, options...)...)
	if err != nil {
		return err
	}
	_, err = a.conn.Subscribe(bus.AskSubject(a.ID), func(*nats.Msg) {}) // nobody asks while it reports
	return err
}

// report sends what the agent of a host that is well would. One for which there is
// no connection just then is left out, as a real agent's is: the next one is newer.
func (a *Agent) report() error {
	data, err := well().Encode()
	if err != nil {
		return err
	}
	err = a.conn.Publish(bus.ReportSubject(a.ID), data)
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		return nil
	}
	return err
}

// well is the report of a host with ten probes that is well.
func well() *health.Report {
	r := &health.Report{Boot: "1b4e28ba-2fa1-11d2-883f-0016d3cca427", At: time.Now(), Packages: map[string]string{"shop-web": "1.2.3-1", "nginx": "1.22.1-9+deb12u3"}}
	for i := range 10 {
		r.Results = append(r.Results, health.Result{Probe: fmt.Sprintf("unit shop-web@%d.service", i), OK: true, Since: r.At.Add(-time.Hour), Output: "is active (running)"})
	}
	return r
}
