package cli

import (
	"bufio"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestTunnel asks through the tunnel what a host's apt would ask its proxy.
func TestTunnel(t *testing.T) {
	d := &connListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: onlyFor("repo.example.com:8071", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.Path)) // the test reads it
	}))}
	go func() { _ = server.Serve(d) }()
	t.Cleanup(func() { _ = server.Close() })

	for _, tt := range []struct {
		url    string
		status int
	}{
		{"http://repo.example.com:8071/dists/stable/InRelease", http.StatusOK},
		{"http://repo.example.com/dists/stable/InRelease", http.StatusForbidden},
		{"http://192.0.2.1:8071/", http.StatusForbidden},
	} {
		host, ours := net.Pipe()
		left := make(chan struct{})
		go func() { d.serve(ours); close(left) }()
		_ = host.SetDeadline(time.Now().Add(10 * time.Second))
		req, err := http.NewRequest(http.MethodGet, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := req.WriteProxy(host); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(host), req)
		if err != nil {
			t.Fatalf("%s: %v", tt.url, err)
		}
		if resp.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d", tt.url, resp.Status, tt.status)
		}
		_ = host.Close()
		<-left // serve returns when the connection ends
	}
}
