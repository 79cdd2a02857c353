package netprobe

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

func TestHTTP(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"version":"1.2-1"}`)) })
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no \x1b database", 500) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/mute", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/stuck", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	installed := map[string]string{"shop": "1.2-1", "old": "1.1"}
	for _, tt := range []struct {
		path, contains string
		status         int
		ok             bool
		output         string
	}{
		{path: "/ok", ok: true, output: `answered 200 OK: {"version":"1.2-1"}`},
		{path: "/ok", status: 200, contains: `"{version:shop}"`, ok: true, output: "answered 200"},
		{path: "/ok", contains: "{version:old}", output: `answered 200 OK: without "1.1": {"version":"1.2-1"}`},
		{path: "/ok", contains: "{version:gone}", output: "answered 200 OK: gone is not installed"},
		{path: "/ok", status: 204, output: "answered 200 OK"},
		{path: "/bad", output: `answered 500 Internal Server Error: no \x1b database`},
		{path: "/bad", status: 500, ok: true, output: "answered 500"},
		{path: "/away", output: "answered 302 Found"},
		{path: "/mute", output: "no answer within 50ms"},
		{path: "/stuck", output: "no answer within 50ms"},
		{path: "/endless", ok: true, output: "answered 200 OK"},
	} {
		p := health.Probe{Kind: health.HTTP, Target: server.URL + tt.path, Status: tt.status, Contains: tt.contains}
		if strings.HasPrefix(tt.output, "no answer") {
			p.Timeout = 50 * time.Millisecond
		}
		got := Ask(t.Context(), new(net.Dialer).DialContext, p).Result(p, installed)
		if got.OK != tt.ok || !strings.HasPrefix(got.Output, tt.output) || got.Probe != p.Name() {
			t.Errorf("%s, which should have %q: %+v", tt.path, tt.contains, got)
		}
	}
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ask := func() health.Result {
		p := health.Probe{Kind: health.TCP, Target: l.Addr().String()}
		return Ask(t.Context(), new(net.Dialer).DialContext, p).Result(p, nil)
	}
	if got := ask(); !got.OK || got.Output != "connected" {
		t.Errorf("where someone listens: %+v", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got.OK || !strings.Contains(got.Output, "connection refused") {
		t.Errorf("where nobody listens: %+v", got)
	}
}
