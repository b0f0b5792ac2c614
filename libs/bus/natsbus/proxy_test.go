package natsbus_test

import (
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
)

// proxy is a way to a server that a test may cut.
type proxy struct {
	to nats.InProcessConnProvider

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
	if err == nil {
		p.conns = append(p.conns, c)
	}
	return c, err
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
