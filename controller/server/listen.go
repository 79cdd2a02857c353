package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Listeners are where requests come in. A nil one is none.
type Listeners struct {
	Local  net.Listener // the socket
	Remote net.Listener // TCP, with TLS where it can be reached from elsewhere

	// Files is for hosts, which get the repository's files, signed and public,
	// from what FileHandler answers.
	Files       net.Listener
	FileHandler http.Handler
}

// Bounds of connections.
const (
	headerTime   = 10 * time.Second
	idleTime     = 2 * time.Minute
	maxHeader    = 16 << 10
	shutdownTime = 10 * time.Second // for answers under way when the daemon ends
)

// Serve answers on all listeners until ctx ends or one of them breaks. Streams are
// ended then, and other answers under way finished.
func (s *Server) Serve(ctx context.Context, ls Listeners) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var g errgroup.Group
	serve := func(l net.Listener, server *http.Server) {
		if l == nil {
			return
		}
		g.Go(func() error {
			defer cancel() // one listener alone is not enough
			return serveUntil(ctx, l, server)
		})
	}
	stop := context.AfterFunc(ctx, func() { close(s.ending) })
	defer stop()
	local := s.httpServer(s.handler(s.byPeer))
	local.ConnContext = withPeer
	serve(ls.Local, local)
	serve(ls.Remote, s.httpServer(s.handler(s.byToken)))
	files := s.httpServer(ls.FileHandler)
	files.WriteTimeout = 0 // packages are large and lines slow
	serve(ls.Files, files)
	return g.Wait()
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		WriteTimeout: writeTime, // each part of an answer begins it anew
		ErrorLog:     log.New(debugLog{s.Log}, "", 0),
	}
}

// serveUntil serves until ctx ends.
func serveUntil(ctx context.Context, l net.Listener, server *http.Server) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		stopped <- err
	})
	err := server.Serve(l)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// debugLog takes what net/http says of clients that misbehave.
type debugLog struct{ log *slog.Logger }

func (d debugLog) Write(p []byte) (int, error) {
	d.log.Debug("a client misbehaves", "message", string(p))
	return len(p), nil
}

// ListenLocal listens at a socket that only the user of this process and root
// can open. Whoever calls has the folder to itself, so that a socket that is
// there is that of a daemon that is dead.
func ListenLocal(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot make the socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot make the socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot make the socket: %w", err), l.Close())
	}
	return l, nil
}

// Certificate is what the TCP listener shows. It can be read anew while it is in use.
type Certificate struct {
	pair atomic.Pointer[tls.Certificate]
}

// Load reads certificate and key; after an error the last ones stay.
func (c *Certificate) Load(certFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("cannot use certificate %s: %w", certFile, err)
	}
	c.pair.Store(&pair)
	return nil
}

// Config returns the settings of a listener that shows the certificate.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.pair.Load(), nil },
	}
}
