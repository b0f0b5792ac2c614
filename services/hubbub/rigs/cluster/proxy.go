package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Proxy carries TCP connections to another address, badly if asked to. Its methods are safe for
// concurrent use.
type Proxy struct {
	Addr string // where it listens

	to  string
	ln  net.Listener
	ctx context.Context
	end context.CancelFunc
	all sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	cut   bool          // nothing passes, and new connections are refused
	hush  bool          // nothing passes, and nobody is told
	delay time.Duration // of what passes, each way
	moved chan struct{} // closed and replaced when one of these changes
}

// Link is the proxies from one process to the servers that it uses.
type Link []*Proxy

// Cut is Proxy.Cut, and the others likewise, of all proxies.
func (l Link) Cut() { l.all((*Proxy).Cut) }

// Hush is Proxy.Hush of all.
func (l Link) Hush() { l.all((*Proxy).Hush) }

// Delay is Proxy.Delay of all.
func (l Link) Delay(d time.Duration) { l.all(func(p *Proxy) { p.Delay(d) }) }

// Heal is Proxy.Heal of all.
func (l Link) Heal() { l.all((*Proxy).Heal) }

func (l Link) all(do func(*Proxy)) {
	for _, p := range l {
		do(p)
	}
}

// NewProxy returns a proxy to an address, which carries connections until Close.
func NewProxy(to string) (*Proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy to %s: %w", to, err)
	}
	p := &Proxy{Addr: ln.Addr().String(), to: to, ln: ln, conns: make(map[net.Conn]struct{}), moved: make(chan struct{})}
	p.ctx, p.end = context.WithCancel(context.Background())
	p.all.Go(p.accept)
	return p, nil
}

// Close ends all connections and waits for the proxy's goroutines.
func (p *Proxy) Close() {
	p.end()
	_ = p.ln.Close()
	p.Cut()
	p.all.Wait()
}

// Cut breaks all connections and refuses new ones, until Heal.
func (p *Proxy) Cut() {
	p.set(func() {
		p.cut = true
		for c := range p.conns {
			_ = c.Close()
		}
	})
}

// Hush lets nothing pass and breaks nothing, until Heal: a partition.
func (p *Proxy) Hush() { p.set(func() { p.hush = true }) }

// Delay delays every byte, in both directions, until Heal.
func (p *Proxy) Delay(d time.Duration) { p.set(func() { p.delay = d }) }

// Heal ends Cut, Hush and Delay.
func (p *Proxy) Heal() { p.set(func() { p.cut, p.hush, p.delay = false, false, 0 }) }

func (p *Proxy) set(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
	close(p.moved)
	p.moved = make(chan struct{})
}

func (p *Proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return // closed
		}
		p.all.Go(func() { p.carry(c) })
	}
}

func (p *Proxy) carry(in net.Conn) {
	defer in.Close()
	if !p.add(in) {
		return
	}
	defer p.drop(in)
	var d net.Dialer
	out, err := d.DialContext(p.ctx, "tcp", p.to)
	if err != nil {
		return
	}
	defer out.Close()
	if !p.add(out) {
		return
	}
	defer p.drop(out)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			p.pump(way[0], way[1])
			_ = in.Close() // which ends the other way
			_ = out.Close()
		})
	}
	both.Wait()
}

// add counts a connection that Cut is to break; false: all are broken now.
func (p *Proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// part is something that is on its way.
type part struct {
	data []byte
	at   time.Time
}

// pump carries one way. What is read waits in a queue, so that a delay does not become a bound of
// the throughput.
func (p *Proxy) pump(from io.Reader, to io.Writer) {
	ctx, cancel := context.WithCancel(p.ctx)
	queue := make(chan part, 1024)
	var writer sync.WaitGroup
	writer.Go(func() {
		defer cancel()
		for q := range queue {
			if !p.wait(ctx, q.at) {
				return
			}
			if _, err := to.Write(q.data); err != nil {
				return
			}
		}
	})
	for {
		buf := make([]byte, 16<<10)
		n, err := from.Read(buf)
		if n > 0 {
			select {
			case queue <- part{buf[:n], time.Now()}:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if err != nil {
			break
		}
	}
	close(queue)
	writer.Wait()
	cancel()
}

// wait returns when what came at a time may pass; false: never.
func (p *Proxy) wait(ctx context.Context, at time.Time) bool {
	for {
		p.mu.Lock()
		cut, hush, delay, moved := p.cut, p.hush, p.delay, p.moved
		p.mu.Unlock()
		late := time.Until(at.Add(delay))
		if cut {
			return false
		}
		if !hush && late <= 0 {
			return true
		}
		var passed <-chan time.Time
		if !hush {
			passed = time.After(late)
		}
		select {
		case <-passed:
		case <-moved:
		case <-ctx.Done():
			return false
		}
	}
}
