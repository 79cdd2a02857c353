package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Webhook is an address to which notices are posted as JSON, in the way of
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md:
// there is a library to check the signature for most languages.
type Webhook struct {
	URL     string // "" if it is in URLFrom
	URLFrom Secret // for addresses that are secrets
	Secret  Secret // signs; none is unsigned
}

// Validate reports what of the webhook can't be meant. It does not show the
// address.
func (w Webhook) Validate() error {
	if (w.URL == "") == w.URLFrom.IsZero() {
		return errors.New("a webhook has one address: url, url_file or url_env")
	}
	if w.URL != "" {
		if _, err := parseAddress(w.URL); err != nil {
			return err
		}
	}
	return errors.Join(w.URLFrom.Validate(), w.Secret.Validate())
}

func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("the webhook's address does not begin with http:// or https:// and a host")
	}
	return u, nil
}

// tryTimeout bounds one try to tell one target.
const tryTimeout = 30 * time.Second

// client follows no redirection: it would take the signature and the notice to
// somebody who was not named.
var client = &http.Client{
	Timeout:       tryTimeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// send posts a notice. Any answer but 2xx is an error.
func (w Webhook) send(ctx context.Context, n Notice) error {
	request, err := w.request(ctx, n)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if leak, ok := errors.AsType[*url.Error](err); ok {
		err = leak.Err // without the address
	}
	if err != nil {
		return fmt.Errorf("cannot reach %s: %w", request.URL.Host, err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s", request.URL.Host, answer.Status)
	}
	return nil
}

func (w Webhook) request(ctx context.Context, n Notice) (*http.Request, error) {
	address := w.URL
	if address == "" {
		var err error
		if address, err = w.URLFrom.Read(); err != nil {
			return nil, err
		}
	}
	u, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	r := (&http.Request{Method: http.MethodPost, URL: u, Host: u.Host, Header: http.Header{}}).WithContext(ctx)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "aptfleet")
	return r, w.sign(r.Header, n.ID, body)
}

// sign adds the headers by which the receiver knows who sent it, and when.
func (w Webhook) sign(h http.Header, id string, body []byte) error {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", at)
	if w.Secret.IsZero() {
		return nil
	}
	secret, err := w.Secret.Read()
	if err != nil {
		return err
	}
	h.Set("Webhook-Signature", signature(secret, id, at, body))
	return nil
}

// signature follows the specification: a secret that begins with "whsec_" is
// base64, any other is taken as it is.
func signature(secret, id, at string, body []byte) string {
	const encoded = "whsec_"
	key := []byte(secret)
	if len(secret) > len(encoded) && secret[:len(encoded)] == encoded {
		if decoded, err := base64.StdEncoding.DecodeString(secret[len(encoded):]); err == nil {
			key = decoded
		}
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.", id, at) // a hash takes everything
	_, _ = mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
