package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Proxy forwards TCP connections to another address, and can break, hold up or delay them. Its
// methods are safe for concurrent use.
type Proxy struct {
	Addr string // where it listens

	to  string
	ln  net.Listener
	ctx context.Context
	end context.CancelFunc
	all sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	cut    bool          // nothing passes, and new connections are refused
	parted bool          // nothing passes, and connections stay open
	delay  time.Duration // of what passes, each way
	moved  chan struct{} // closed and replaced when one of these changes
}

// Link is the proxies from one process to the servers that it uses.
type Link []*Proxy

// Cut calls Proxy.Cut on all proxies.
func (l Link) Cut() { l.all((*Proxy).Cut) }

// Partition calls Proxy.Partition on all proxies.
func (l Link) Partition() { l.all((*Proxy).Partition) }

// Delay calls Proxy.Delay on all proxies.
func (l Link) Delay(d time.Duration) { l.all(func(p *Proxy) { p.Delay(d) }) }

// Heal calls Proxy.Heal on all proxies.
func (l Link) Heal() { l.all((*Proxy).Heal) }

func (l Link) all(do func(*Proxy)) {
	for _, p := range l {
		do(p)
	}
}

// NewProxy returns a proxy that forwards connections to an address until Close.
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

// Partition holds back all data and keeps the connections open, until Heal.
func (p *Proxy) Partition() { p.set(func() { p.parted = true }) }

// Delay delays every byte, in both directions, until Heal.
func (p *Proxy) Delay(d time.Duration) { p.set(func() { p.delay = d }) }

// Heal ends Cut, Partition and Delay.
func (p *Proxy) Heal() { p.set(func() { p.cut, p.parted, p.delay = false, false, 0 }) }

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
			_ = in.Close() // ends the other direction
			_ = out.Close()
		})
	}
	both.Wait()
}

// add registers a connection for Cut to break. It returns false while the proxy is cut.
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

// part is a piece of data on its way, and when it was read.
type part struct {
	data []byte
	at   time.Time
}

// pump forwards one direction. A queue holds what was read, so that a delay does not limit the
// throughput.
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

// wait returns true once data that was read at a time may pass, and false if it never may.
func (p *Proxy) wait(ctx context.Context, at time.Time) bool {
	for {
		p.mu.Lock()
		cut, parted, delay, moved := p.cut, p.parted, p.delay, p.moved
		p.mu.Unlock()
		late := time.Until(at.Add(delay))
		if cut {
			return false
		}
		if !parted && late <= 0 {
			return true
		}
		var passed <-chan time.Time
		if !parted {
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
