package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// outLimit is how many bytes wait for a connection's writer before Write says that it takes no
// more.
const outLimit = 256 << 10

// netLoop is a Loop over net.Conn: a goroutine reads and another writes for each connection, and
// everything meets in one goroutine that calls the handler.
type netLoop struct {
	h        Handler
	secure   *Secure // nil: connections are not encrypted
	listener net.Listener
	events   chan netEvent
	wake     chan struct{}
	done     chan struct{}
	ended    atomic.Bool
	wg       sync.WaitGroup
	conns    []*netConn
	free     []uint32
}

// netEvent is something that a goroutine of a connection has to tell.
type netEvent struct {
	c    *netConn
	kind eventKind
	data []byte
}

type eventKind uint8

const (
	evOpened eventKind = iota
	evReceived
	evWritable
	evGone
)

// ListenNet is Listen over net.Conn, on every operating system: the loops share one listener.
func ListenNet(addr string, n int, start Starting) ([]Loop, net.Addr, error) {
	return listenNet(addr, n, nil, start)
}

func listenNet(addr string, n int, secure *Secure, start Starting) ([]Loop, net.Addr, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("listen: %w", err)
	}
	loops := make([]Loop, n)
	for i := range loops {
		l := &netLoop{listener: ln, secure: secure, events: make(chan netEvent), wake: make(chan struct{}, 1), done: make(chan struct{})}
		l.h = start(l)
		loops[i] = l
	}
	return loops, ln.Addr(), nil
}

// Run implements Loop.
func (l *netLoop) Run(ctx context.Context) error {
	l.wg.Go(func() { l.accept(ctx) })
	defer l.Dispose()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		switch wait := l.h.Turn(); {
		case wait == 0:
			l.Wake()
		case wait > 0:
			timer.Reset(wait)
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-l.wake:
		case e := <-l.events:
			l.handle(e)
		}
	}
	return nil
}

func (l *netLoop) handle(e netEvent) {
	c := e.c
	if e.kind == evOpened {
		if n := len(l.free); n > 0 {
			c.slot, l.free = l.free[n-1], l.free[:n-1]
			l.conns[c.slot] = c
		} else {
			c.slot = uint32(len(l.conns))
			l.conns = append(l.conns, c)
		}
		l.h.Opened(c.slot)
		l.wg.Go(c.write)
		l.wg.Go(c.read)
		return
	}
	if int(c.slot) < len(l.conns) && l.conns[c.slot] == c {
		switch e.kind {
		case evReceived:
			l.h.Received(c.slot, e.data)
		case evWritable:
			l.h.Writable(c.slot)
		case evGone:
			l.h.Gone(c.slot)
			l.Close(c.slot)
		}
	}
	if e.kind == evReceived {
		c.handled <- struct{}{}
	}
}

// send hands an event to the loop's goroutine; false: the loop has ended.
func (l *netLoop) send(e netEvent) bool {
	select {
	case l.events <- e:
		return true
	case <-l.done:
		return false
	}
}

// accept takes connections in until the listener is closed. Handshakes of TLS end with ctx.
func (l *netLoop) accept(ctx context.Context) {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			select { // no file descriptors left, most likely
			case <-time.After(20 * time.Millisecond):
				continue
			case <-l.done:
				return
			}
		}
		if l.secure == nil {
			l.open(conn)
			continue
		}
		l.wg.Go(func() {
			if conn := l.secure.shake(ctx, conn); conn != nil {
				l.open(conn)
			}
		})
	}
}

func (l *netLoop) open(conn net.Conn) {
	if !l.send(netEvent{c: newNetConn(l, conn), kind: evOpened}) {
		_ = conn.Close()
	}
}

// Wake implements Loop.
func (l *netLoop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// StopListening implements Loop.
func (l *netLoop) StopListening() { _ = l.listener.Close() }

// Dispose implements Loop.
func (l *netLoop) Dispose() {
	if !l.ended.CompareAndSwap(false, true) {
		return
	}
	l.StopListening()
	close(l.done)
	for slot := range l.conns {
		l.Close(uint32(slot))
	}
	l.wg.Wait()
}

// Write implements Loop.
func (l *netLoop) Write(slot uint32, bufs [][]byte) (int, error) { return l.conns[slot].put(bufs) }

// Close implements Loop.
func (l *netLoop) Close(slot uint32) {
	if c := l.conns[slot]; c != nil {
		c.end(true)
		l.conns[slot] = nil
		l.free = append(l.free, slot)
	}
}

// Finish implements Loop.
func (l *netLoop) Finish(slot uint32) { l.conns[slot].end(false) }

// Peer implements Loop.
func (l *netLoop) Peer(slot uint32) netip.Addr {
	if a, ok := l.conns[slot].conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// Detach implements Loop.
func (l *netLoop) Detach(slot uint32) (net.Conn, error) {
	c := l.conns[slot]
	l.conns[slot] = nil
	l.free = append(l.free, slot)
	return c.detach(), nil
}
