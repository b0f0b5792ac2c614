package bustest

import (
	"net"
	"slices"
	"sync"
	"testing"
)

// Proxy is a way to a server over TCP that a test may mute, alter or cut.
type Proxy struct {
	to string
	l  net.Listener
	wg sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	muted bool
	alter func([]byte) []byte
	dead  bool
}

// NewProxy starts a proxy to addr that ends with the test.
func NewProxy(t testing.TB, addr string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{to: addr, l: l}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		p.Cut(true)
		_ = l.Close()
		p.wg.Wait()
	})
	return p
}

// Addr returns where the proxy listens.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// Mute swallows what the server sends from now on, over connections that stay up, until Cut.
func (p *Proxy) Mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = true
}

// Alter passes what the server sends from now on through a function. The function may block, and is
// called by several goroutines; nil ends that.
func (p *Proxy) Alter(f func(answer []byte) []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alter = f
}

// Cut ends all connections. It accepts new ones afterwards, unless it is for good.
func (p *Proxy) Cut(forGood bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted, p.dead = false, p.dead || forGood
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func (p *Proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", p.to)
		if err != nil || !p.keep(c, s) {
			_ = c.Close()
			if err == nil {
				_ = s.Close()
			}
			continue
		}
		p.wg.Go(func() { p.pass(s, c, false) })
		p.wg.Go(func() { p.pass(c, s, true) })
	}
}

func (p *Proxy) keep(both ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dead {
		p.conns = append(p.conns, both...)
	}
	return !p.dead
}

// pass copies from one side to the other until either is closed.
func (p *Proxy) pass(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		drop, alter := answers && p.muted || !slices.Contains(p.conns, from), p.alter
		p.mu.Unlock()
		if n > 0 && !drop {
			out := buf[:n]
			if answers && alter != nil {
				out = alter(out)
			}
			if _, err := to.Write(out); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
