// Package netprobe asks a host's services over the network, through whatever
// dials for it: a connection of SSH, or the host's own network.
//
// It keeps nothing and follows no redirects: what answers is what was asked.
package netprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// Dialer is all that is needed of a network. *net.Dialer has such a method.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// maxBody is how much of an answer is looked at, in bytes.
const maxBody = 256 << 10

// Answer is what came of a probe of kind HTTP or TCP.
type Answer struct {
	status int
	body   string
	err    error
}

// Ask carries out a probe of kind HTTP or TCP, within its time.
func Ask(ctx context.Context, dial Dialer, p health.Probe) Answer {
	late := fmt.Errorf("no answer within %v", p.Limit())
	ctx, cancel := context.WithTimeoutCause(ctx, p.Limit(), late)
	defer cancel()
	ask := getHTTP
	if p.Kind == health.TCP {
		ask = connect
	}
	a := ask(ctx, dial, p.Target)
	if a.err != nil && ctx.Err() != nil {
		a.err = context.Cause(ctx)
	}
	return a
}

func connect(ctx context.Context, dial Dialer, address string) Answer {
	c, err := dial(ctx, "tcp", address)
	if err == nil {
		_ = c.Close() // that it came about is all
	}
	return Answer{err: err}
}

func getHTTP(ctx context.Context, dial Dialer, address string) Answer {
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Answer{err: err}
	}
	request.Header.Set("User-Agent", "aptfleet")
	response, err := client.Do(request)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // without the URL, which the probe's name has
		}
		return Answer{err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	return Answer{status: response.StatusCode, body: string(body), err: err}
}

// Result holds the answer against what the probe wants, on a host with those
// packages installed.
func (a Answer) Result(p health.Probe, installed map[string]string) health.Result {
	r := health.Result{Probe: p.Name()}
	switch want, err := p.Expected(installed); {
	case a.err != nil:
		r.Output = health.Text(a.err.Error())
	case p.Kind == health.TCP:
		r.OK, r.Output = true, "connected"
	case !wanted(a.status, p.Status):
		r.Output = a.said("")
	case err != nil:
		r.Output = a.said(err.Error() + ": ")
	case !strings.Contains(a.body, want):
		r.Output = a.said(fmt.Sprintf("without %q: ", want))
	default:
		r.OK, r.Output = true, a.said("")
	}
	return r
}

func wanted(status, want int) bool {
	return status == want || want == 0 && status >= 200 && status < 300
}

// said tells the answer, with words before its body.
func (a Answer) said(words string) string {
	const most = 400
	return health.Text(fmt.Sprintf("answered %d %s: %s%s", a.status, http.StatusText(a.status), words, a.body[:min(len(a.body), most)]))
}
