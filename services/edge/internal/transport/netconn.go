package transport

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"
)

// netConn is a connection of a netLoop.
type netConn struct {
	l       *netLoop
	conn    net.Conn
	slot    uint32
	handled chan struct{} // the loop has handled what was read

	mu       sync.Mutex
	cond     sync.Cond // on mu
	out      []byte
	wanted   bool // Write was short: the handler waits for Writable
	finished bool // nothing more is written after out
	closed   bool // and then the connection ends
	detached bool
}

func newNetConn(l *netLoop, conn net.Conn) *netConn {
	c := &netConn{l: l, conn: conn, handled: make(chan struct{})}
	c.cond.L = &c.mu
	return c
}

// read hands what arrives to the loop, one piece at a time.
func (c *netConn) read() {
	buf := make([]byte, 4<<10)
	for {
		n, err := c.conn.Read(buf)
		if !c.hears() {
			return
		}
		if n > 0 {
			if !c.l.send(netEvent{c: c, kind: evReceived, data: buf[:n]}) {
				return
			}
			select {
			case <-c.handled:
			case <-c.l.done:
				return
			}
			if !c.hears() {
				return
			}
		}
		if err != nil {
			c.l.send(netEvent{c: c, kind: evGone})
			return
		}
	}
}

// hears reports whether anybody still wants to know what arrives.
func (c *netConn) hears() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && !c.detached
}

// write sends what put has queued.
func (c *netConn) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var spare []byte
	for {
		for len(c.out) == 0 && !c.finished {
			c.cond.Wait()
		}
		if len(c.out) == 0 {
			break
		}
		out := c.out
		c.out = spare[:0]
		c.mu.Unlock()
		_, err := c.conn.Write(out)
		spare = out
		c.mu.Lock()
		if err != nil {
			c.out = nil
			break // read finds out too, and tells
		}
		if len(c.out) == 0 && c.wanted && !c.finished {
			c.wanted = false
			c.mu.Unlock()
			c.l.send(netEvent{c: c, kind: evWritable})
			c.mu.Lock()
		}
	}
	for told := false; !c.closed && !c.detached; {
		if t, ok := c.conn.(interface{ CloseWrite() error }); ok && c.finished && !told {
			told = true
			c.mu.Unlock()
			_ = t.CloseWrite() // with TLS it writes, and may have to wait
			c.mu.Lock()
			continue
		}
		c.cond.Wait()
	}
	if c.closed {
		c.mu.Unlock()
		c.shut()
		c.mu.Lock()
	}
}

// shut closes the connection. TLS says goodbye first, to a peer that may take nothing.
func (c *netConn) shut() {
	if t, ok := c.conn.(*tls.Conn); ok {
		stop := time.AfterFunc(closeTimeout, func() { _ = t.NetConn().Close() })
		defer stop.Stop()
	}
	_ = c.conn.Close()
}

// put queues as much of bufs as there is room for.
func (c *netConn) put(bufs [][]byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return 0, io.ErrClosedPipe
	}
	for _, b := range bufs {
		k := min(len(b), outLimit-len(c.out))
		c.out = append(c.out, b[:k]...)
		n += k
		if k < len(b) {
			c.wanted = true
			break
		}
	}
	c.cond.Broadcast()
	return n, nil
}

// closeTimeout is how long Close waits until the bytes written before it are sent.
const closeTimeout = time.Second

func (c *netConn) end(closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = true
	if closed {
		c.closed = true
		_ = c.conn.SetReadDeadline(time.Now())
		_ = c.conn.SetWriteDeadline(time.Now().Add(closeTimeout))
	}
	c.cond.Broadcast()
}

// detach ends both goroutines and returns the connection. It is called while the reader waits for
// handled, so that nothing more is read.
func (c *netConn) detach() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.detached, c.finished = true, true
	c.cond.Broadcast()
	return c.conn
}
