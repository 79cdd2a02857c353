package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHandler(t *testing.T) {
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{
		{"/", http.StatusOK, "<h1>Tom &amp; Jerry</h1>\n<p>shop-web dev</p>"},
		{"/healthz", http.StatusOK, `"version":"dev"`},
		{"/nothing", http.StatusNotFound, "not found"},
	} {
		w := httptest.NewRecorder()
		handler("Tom & Jerry").ServeHTTP(w, httptest.NewRequest(http.MethodGet, tt.path, nil))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("GET %s: %d %q, want %d with %q", tt.path, w.Code, w.Body, tt.status, tt.want)
		}
	}
}

// TestRunEndsGracefully asks a running shop for its health and ends it.
func TestRunEndsGracefully(t *testing.T) {
	address := freeAddress(t)
	t.Setenv("SHOP_LISTEN", address)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	body := pollHealth(t, "http://"+address+"/healthz")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	if !strings.Contains(body, `"status":"ok"`) {
		t.Errorf("its health was %q", body)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// pollHealth asks until the shop answers.
func pollHealth(t *testing.T, url string) string {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-t.Context().Done():
			t.Fatal("the shop never answered")
		case <-tick.C:
		}
		resp, err := http.Get(url)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil {
			return string(body)
		}
	}
}
