package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/aptfleet/aptfleet/controller/access"
	"github.com/aptfleet/aptfleet/controller/journal"
)

// Options are what the API works with. All interfaces are needed.
type Options struct {
	Version    Object
	Rollouts   Rollouts
	Hosts      Hosts
	Agents     Agents
	Repository Repository
	Schedules  Schedules
	History    History
	Metrics    *Metrics
	Tokens     func() access.Tokens // those that count now; a reload may change them
	Scratch    string               // folder for uploads, on the disk of the repository
	Log        *slog.Logger         // nil is slog.Default
}

// History is where actions are kept.
type History interface {
	Record(ctx context.Context, a journal.Action) error
	// Actions returns what was recorded, newest first.
	Actions(ctx context.Context) ([]Object, error)
}

// Server answers requests. It may be used concurrently.
type Server struct {
	Options
	ending   chan struct{} // closed when streams have to end
	refusals *rate.Limiter // of the history: anybody can be refused
}

// New returns a server that listens nowhere yet.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{Options: o, ending: make(chan struct{}), refusals: rate.NewLimiter(1, 20)}
}

// recordIn is how long an action may take to be kept: a cluster that has lost a node
// has to find another leader.
const recordIn = 30 * time.Second

// record keeps an action. What was done is not undone because it cannot be
// recorded.
func (s *Server) record(ctx context.Context, a journal.Action) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordIn)
	defer cancel()
	if err := s.History.Record(ctx, a); err != nil {
		s.Log.Error("cannot record who did what", "by", a.By, "did", a.Did, "what", a.What, "error", err)
	}
}

// identifier tells who it is that asks.
type identifier func(*http.Request) (Actor, error)

// handler answers whoever connects to a listener.
func (s *Server) handler(identify identifier) http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes() {
		mux.Handle(r.method+" "+r.path, s.answer(r, identify))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.unmatched(w, r, mux, identify) })
	return mux
}
