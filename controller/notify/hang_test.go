package notify

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// silent is a server that takes connections, says something, and then nothing more,
// whatever it hears. It returns its address.
func silent(t *testing.T, says string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			_, _ = c.Write([]byte(says))
		}
	}()
	return l.Addr().String()
}

// TestHangingTarget: a target that takes the connection and then hangs, wherever, is
// given up when the time of the try is over.
func TestHangingTarget(t *testing.T) {
	const patience = time.Second
	to := func(server string, e Encryption) Mail {
		return Mail{Server: server, Encryption: e, From: "a@example.com", To: []string{"b@example.com"}}
	}
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then it is noticed that the client has gone
		<-r.Context().Done()
	}))
	t.Cleanup(hangs.Close)
	t.Cleanup(hangs.CloseClientConnections)
	for name, target := range map[string]sender{
		"webhook, no answer":             Webhook{URL: "http://" + silent(t, "")},
		"webhook, half an answer":        Webhook{URL: "http://" + silent(t, "HTTP/1.1 2")},
		"webhook, request taken":         Webhook{URL: hangs.URL},
		"webhook, TLS without handshake": Webhook{URL: "https://" + silent(t, "")},
		"mail, no greeting":              to(silent(t, ""), Plain),
		"mail, half a greeting":          to(silent(t, "220"), Plain),
		"mail, greeting alone":           to(silent(t, "220 mail ESMTP\r\n"), Plain),
		"mail, refuses to go on":         to(silent(t, "220 mail ESMTP\r\n250 mail\r\n250 ok\r\n"), Plain),
		"mail, data taken":               to(silent(t, "220 mail ESMTP\r\n250 mail\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"), Plain),
		"mail, STARTTLS not begun":       to(silent(t, "220 mail ESMTP\r\n250-mail\r\n250 STARTTLS\r\n220 go\r\n"), StartTLS),
		"mail, TLS without handshake":    to(silent(t, ""), Implicit),
		"command":                        Command{"sleep", "1000"},
		"command with a child":           Command{"sh", "-c", "trap '' TERM; sleep 3 & sleep 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			begun := time.Now()
			err := target.send(ctx, Notice{ID: "R1-1", On: End, Rollout: "R1", Time: begun})
			if took := time.Since(begun); err == nil || took > patience+2*time.Second {
				t.Errorf("after %v it is %v", took, err)
			}
		})
	}
}
