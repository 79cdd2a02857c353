// Command shop-web is the small web application that aptfleet's demo and tests
// deploy. It says who it is at /, and at /healthz whether it is well, each with
// its version, so that everyone can see which release runs where.
//
// SHOP_LISTEN is the address it listens on, by default 127.0.0.1:8080, and
// SHOP_GREETING what it says first. On SIGTERM it answers what it has begun, for
// 10 seconds at most, and ends.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set by the linker.
var version = "dev"

const (
	defaultListen   = "127.0.0.1:8080"
	defaultGreeting = "Welcome to the shop"
	grace           = 10 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("cannot serve", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx is cancelled, and then until what was begun is answered.
func run(ctx context.Context) error {
	listener, err := net.Listen("tcp", env("SHOP_LISTEN", defaultListen))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(env("SHOP_GREETING", defaultGreeting)), ReadHeaderTimeout: grace}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	slog.Info("serving", "version", version, "address", listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func handler(greeting string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!DOCTYPE html>\n<title>shop-web</title>\n<h1>%s</h1>\n<p>shop-web %s</p>\n", html.EscapeString(greeting), version)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		// An error means that the asker is gone.
		_ = json.NewEncoder(w).Encode(map[string]string{"status": "ok", "version": version})
	})
	return mux
}
