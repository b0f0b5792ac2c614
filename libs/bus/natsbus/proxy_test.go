package natsbus_test

import (
	"errors"
	"net"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
)

// proxy is a way to a server that a test may cut.
type proxy struct {
	to   nats.InProcessConnProvider
	deaf atomic.Bool // what subscribes to rooms is lost on the way

	mu    sync.Mutex
	conns []net.Conn
	dead  bool
}

func newProxy(t *testing.T, to nats.InProcessConnProvider) *proxy {
	p := &proxy{to: to}
	t.Cleanup(p.cut)
	return p
}

func (p *proxy) InProcessConn() (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return nil, errors.New("cut")
	}
	c, err := p.to.InProcessConn()
	if err != nil {
		return nil, err
	}
	p.conns = append(p.conns, c)
	return &way{c, &p.deaf}, nil
}

// way is a connection over a proxy.
type way struct {
	net.Conn
	deaf *atomic.Bool
}

var subscribes = regexp.MustCompile(`(?m)^SUB hub\.live\.[^\n]*\n`)

// Write passes on what the client library has put together: whole lines.
func (w *way) Write(b []byte) (int, error) {
	out := b
	if w.deaf.Load() {
		out = subscribes.ReplaceAll(b, nil)
	}
	if _, err := w.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// cut ends all connections, and lets no new one through.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
