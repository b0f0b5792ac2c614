package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// checkTimeout bounds one readiness check.
const checkTimeout = 2 * time.Second

// readiness is what /readyz answers from.
type readiness struct {
	started, stopping atomic.Bool
	waiting           atomic.Pointer[string] // what the start waits for, and why; nil: for nothing

	mu     sync.Mutex
	checks map[string]func(context.Context) error
}

// Check adds a readiness check: /readyz is 503 while it returns an error, and says it. It has 2 s
// to answer and is called by several requests at once.
func (p *Process) Check(name string, check func(context.Context) error) {
	p.ready.mu.Lock()
	defer p.ready.mu.Unlock()
	if p.ready.checks == nil {
		p.ready.checks = make(map[string]func(context.Context) error)
	}
	p.ready.checks[name] = check
}

// Ready returns nil when the process has started, is not stopping, and all checks pass; else every
// reason why not.
func (p *Process) Ready(ctx context.Context) error {
	if p.ready.stopping.Load() || p.ctx.Err() != nil {
		return errors.New("stopping")
	}
	if !p.ready.started.Load() {
		if reason := p.ready.waiting.Load(); reason != nil {
			return errors.New("starting; waiting for the " + *reason)
		}
		return errors.New("starting")
	}
	p.ready.mu.Lock()
	names := make([]string, 0, len(p.ready.checks))
	for name := range p.ready.checks {
		names = append(names, name)
	}
	sort.Strings(names)
	checks := make([]func(context.Context) error, len(names))
	for i, name := range names {
		checks[i] = p.ready.checks[name]
	}
	p.ready.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	errs := make([]error, len(names))
	var wait sync.WaitGroup
	for i := range names {
		wait.Go(func() {
			if err := checks[i](ctx); err != nil {
				errs[i] = fmt.Errorf("%s: %w", names[i], err)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (p *Process) serveOps(cfg Config) (stop func(), err error) {
	l, err := net.Listen("tcp", cfg.OpsListen)
	if err != nil {
		return nil, fmt.Errorf("ops port: %w; choose another with --ops-listen or HUBBUB_OPS_LISTEN", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.Metrics, promhttp.HandlerOpts{Registry: p.Metrics}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := p.Ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /loglevel", p.level.ServeHTTP)
	mux.HandleFunc("PUT /loglevel", p.setLevel)
	if cfg.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	s := newServer(mux, p.Log)
	s.WriteTimeout = 0 // a profile takes as long as it was asked to
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.Log.Error("ops port failed", zap.Error(err))
		}
	})
	p.Log.Debug("ops port is up", zap.Stringer("addr", l.Addr()))
	return func() { _ = s.Close(); wait.Wait() }, nil
}

// setLevel sets the least level that is logged, by the form value level: one of those that the flag
// takes. It lasts until the process ends.
func (p *Process) setLevel(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
	level := r.FormValue("level")
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, level) {
		http.Error(w, fmt.Sprintf("the level %q is none: it has to be debug, info, warn or error, as in curl -X PUT -d level=debug", level), http.StatusBadRequest)
		return
	}
	p.Log.Warn("changed the log level", zap.Stringer("from", p.level), zap.String("to", level))
	_ = p.level.UnmarshalText([]byte(level)) // it is one of the above
	_, _ = fmt.Fprintln(w, level)
}
