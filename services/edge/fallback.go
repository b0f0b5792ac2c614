package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/services/edge/internal/upgrade"
)

// fallback serves the connections that are no WebSockets, which the loops hand over, with an
// ordinary HTTP server.
type fallback struct {
	server *http.Server
	conns  chan net.Conn
	done   chan struct{}
	once   sync.Once
	addr   net.Addr
}

// waitingConns is how many connections may wait for the server; it accepts at once, so few do.
const waitingConns = 256

// shutdownTimeout is how long requests in hand may take at the end.
const shutdownTimeout = 10 * time.Second

// tlsKey is that of a connection's *tls.ConnectionState in the contexts of its requests.
type tlsKey struct{}

func newFallback(h http.Handler, log *zap.Logger) *fallback {
	if h == nil {
		h = http.NotFoundHandler()
	}
	std, err := zap.NewStdLogAt(log, zap.DebugLevel)
	if err != nil { // the level is a constant
		std = nil
	}
	return &fallback{
		conns: make(chan net.Conn, waitingConns),
		done:  make(chan struct{}),
		server: &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == upgrade.Path {
					w.Header().Set("Upgrade", "websocket")
					w.Header().Set("Connection", "Upgrade")
					http.Error(w, "connect with a WebSocket", http.StatusUpgradeRequired)
					return
				}
				if r.TLS == nil { // the server does not know it of connections that are replayed
					r.TLS, _ = r.Context().Value(tlsKey{}).(*tls.ConnectionState)
				}
				h.ServeHTTP(w, r)
			}),
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				if r, ok := c.(*replayConn); ok {
					if t, ok := r.Conn.(*tls.Conn); ok {
						state := t.ConnectionState()
						return context.WithValue(ctx, tlsKey{}, &state)
					}
				}
				return ctx
			},
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       30 * time.Second,
			WriteTimeout:      60 * time.Second,
			IdleTimeout:       120 * time.Second,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          std,
		},
	}
}

// handOver gives a connection to the server. It does not block: when the server does not keep up
// the connection is closed.
func (f *fallback) handOver(conn net.Conn, read []byte) {
	f.handOverWhole(&replayConn{Conn: conn, read: read})
}

// handOverWhole is handOver for a connection of which nothing was read. The server looks itself
// whether the handshake of one with TLS agreed on HTTP/2.
func (f *fallback) handOverWhole(conn net.Conn) {
	select {
	case <-f.done:
	default:
		select {
		case f.conns <- conn:
			return
		default:
		}
	}
	_ = conn.Close()
}

// run serves until ctx ends and the requests in hand have been answered.
func (f *fallback) run(ctx context.Context, addr net.Addr) {
	f.addr = addr
	var wg sync.WaitGroup
	wg.Go(func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if err := f.server.Shutdown(grace); err != nil {
			_ = f.server.Close()
		}
	})
	_ = f.server.Serve(f) // ends by Shutdown only
	wg.Wait()
	for {
		select {
		case c := <-f.conns:
			_ = c.Close()
		default:
			return
		}
	}
}

var _ net.Listener = (*fallback)(nil)

// Accept implements net.Listener.
func (f *fallback) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (f *fallback) Close() error {
	f.once.Do(func() { close(f.done) })
	return nil
}

// Addr implements net.Listener.
func (f *fallback) Addr() net.Addr { return f.addr }

// replayConn is a connection of which the beginning was read already.
type replayConn struct {
	net.Conn
	read []byte // only the server's reading goroutine touches it
}

// Read implements net.Conn.
func (c *replayConn) Read(b []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(b, c.read)
		c.read = c.read[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// ReadFrom lets files be sent by the kernel.
func (c *replayConn) ReadFrom(r io.Reader) (int64, error) {
	if f, ok := c.Conn.(io.ReaderFrom); ok {
		return f.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}

// CloseWrite ends the stream to the client, as the HTTP server does before it closes.
func (c *replayConn) CloseWrite() error {
	if t, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return t.CloseWrite() //nolint:wrapcheck // it is that connection's
	}
	return errors.ErrUnsupported
}
