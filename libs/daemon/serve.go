package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// shutdownTimeout is how long requests in hand may take when the process stops.
const shutdownTimeout = 10 * time.Second

// Serve listens on addr at once, so that a port in use is an error of the start, and serves h as a
// component. It returns the address that it got. When the process stops, requests in hand are
// answered first.
func (p *Process) Serve(addr string, h http.Handler) (net.Addr, error) {
	return p.ServePort("public port", "--listen", addr, h)
}

// ServePort is Serve for another port than the public one: what it is called, and the flag that
// chooses its address.
func (p *Process) ServePort(name, flag, addr string, h http.Handler) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; choose another with %s", name, err, flag)
	}
	s := newServer(h, p.Log)
	p.Go(name, func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			<-ctx.Done()
			// What is in hand gets a time of its own: the component's has ended.
			grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
			defer cancel()
			if err := s.Shutdown(grace); err != nil {
				_ = s.Close()
			}
		}()
		err := s.Serve(l)
		cancel()
		<-stopped
		if !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
		return nil
	})
	p.Log.Info("listening", zap.String("port", name), zap.Stringer("addr", l.Addr()))
	return l.Addr(), nil
}

// newServer returns a server with the time limits that a server open to anybody needs.
func newServer(h http.Handler, log *zap.Logger) *http.Server {
	std, _ := zap.NewStdLogAt(log, zap.DebugLevel)
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          std,
	}
}
