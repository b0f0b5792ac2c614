package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// secured is what a loop needs whose connections speak TLS. A handshake is done by a goroutine over
// a net.Conn, as crypto/tls wants it. Then the connection moves into the loop: crypto/tls goes on
// with memory in the place of a socket, and the loop reads and writes that socket without waiting.
type secured struct {
	*Secure
	begin func(fd int) // does a handshake
	socks []*sock      // by slot
	again []slotGen    // of which more may be read that epoll knows nothing of
	wire  []byte       // what crypto/tls has written and is to go out
	plain []byte       // where a record is put together
	wg    sync.WaitGroup

	mu    sync.Mutex
	ready []*sock // whose handshakes are done
}

type slotGen struct{ slot, gen uint32 }

// record is the most that TLS encrypts at once (RFC 8446 section 5.1).
const record = 16 << 10

// ListenTLS is Listen for encrypted connections: the Handler learns of a connection after its
// handshake, and sees decrypted bytes.
func ListenTLS(addr string, n int, secure Secure, start Starting) ([]Loop, net.Addr, error) {
	return listenEpoll(addr, n, &secure, start)
}

// sock is the socket under a tls.Conn: a net.Conn until the handshake is done and after Detach, and
// a file descriptor of a loop between them. One goroutine uses it at a time.
type sock struct {
	net.Conn        // nil: it is in a loop
	l        *epoll // nil: it is in none
	fd       int    // in a loop
	out      []byte // of the loop's: what the kernel did not take
	finish   bool   // nothing is written after out
	tls      *tls.Conn
}

// errWait says that nothing has arrived. crypto/tls takes an error that is temporary for no end of
// the connection.
var errWait net.Error = waitError{}

type waitError struct{}

func (waitError) Error() string   { return "nothing has arrived" }
func (waitError) Timeout() bool   { return true }
func (waitError) Temporary() bool { return true }

// Read implements net.Conn.
func (s *sock) Read(b []byte) (int, error) {
	if s.l == nil {
		return s.Conn.Read(b) //nolint:wrapcheck // it is that connection's
	}
	n, err := unix.Read(s.fd, b)
	switch {
	case n > 0:
		return n, nil
	case n == 0:
		return 0, io.EOF
	case err == unix.EAGAIN || err == unix.EINTR:
		return 0, errWait
	}
	return 0, os.NewSyscallError("read", err)
}

// Write implements net.Conn. In a loop it takes everything: flush sends it.
func (s *sock) Write(b []byte) (int, error) {
	if s.l != nil {
		s.l.wire = append(s.l.wire, b...)
		return len(b), nil
	}
	if len(s.out) > 0 {
		b = append(s.out, b...)
		n, err := s.Conn.Write(b)
		n, s.out = max(0, n-len(s.out)), nil
		return n, err //nolint:wrapcheck // it is that connection's
	}
	return s.Conn.Write(b) //nolint:wrapcheck // it is that connection's
}

// SetWriteDeadline implements net.Conn. A loop waits for nothing.
func (s *sock) SetWriteDeadline(t time.Time) error {
	if s.l != nil {
		return nil
	}
	return s.Conn.SetWriteDeadline(t) //nolint:wrapcheck // it is that connection's
}

// CloseWrite implements what net.TCPConn has.
func (s *sock) CloseWrite() error {
	if t, ok := s.Conn.(*net.TCPConn); ok {
		return t.CloseWrite() //nolint:wrapcheck // it is that connection's
	}
	return errors.ErrUnsupported
}

// handshake does the handshake of a connection that was accepted, and hands it over to the loop.
func (l *epoll) handshake(ctx context.Context, fd int) {
	f := os.NewFile(uintptr(fd), "socket")
	conn, err := net.FileConn(f) // which has its own
	_ = f.Close()
	if err != nil {
		return // there is no file descriptor left
	}
	s := &sock{Conn: conn}
	if s.tls = l.shake(ctx, s); s.tls == nil {
		return
	}
	if s.fd, err = detach(conn); err != nil {
		_ = conn.Close()
		return
	}
	_ = conn.Close() // its own file descriptor: the connection goes on
	s.Conn, s.l = nil, l
	l.mu.Lock()
	l.ready = append(l.ready, s)
	l.mu.Unlock()
	l.Wake()
}

// detach returns another file descriptor of a connection, without the probes that package net adds.
func detach(conn net.Conn) (fd int, err error) {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return -1, err //nolint:wrapcheck // it only closes the connection
	}
	if e := raw.Control(func(of uintptr) { fd, err = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0) }); e != nil {
		return -1, e //nolint:wrapcheck // it only closes the connection
	}
	if err == nil {
		// the edge pings by itself
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
	}
	return fd, err
}

// secureTurn takes in connections whose handshakes are done, and reads on where more was there than
// one turn takes.
func (l *epoll) secureTurn() {
	l.mu.Lock()
	ready := l.ready
	l.ready = nil
	l.mu.Unlock()
	again := l.again
	l.again = nil
	for _, s := range ready {
		if slot, ok := l.add(s.fd, s); ok {
			l.receiveTLS(slot) // with the end of the handshake more may have come
		}
	}
	for _, a := range again {
		if c := &l.conns[a.slot]; c.fd >= 0 && c.gen == a.gen {
			l.receiveTLS(a.slot)
		}
	}
}

// receiveTLS reads what a connection has, up to the measure of a turn.
func (l *epoll) receiveTLS(slot uint32) {
	s, gen := l.socks[slot], l.conns[slot].gen
	for total := 0; total < maxRead; {
		n, err := s.tls.Read(l.read)
		if flushed := l.flush(slot, s); err == nil {
			err = flushed // what the protocol answers by itself
		}
		if n > 0 {
			total += n
			l.h.Received(slot, l.read[:n])
			if c := &l.conns[slot]; c.fd < 0 || c.gen != gen {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, errWait) {
				l.gone(slot)
			}
			return
		}
	}
	l.again = append(l.again, slotGen{slot, gen})
}

// writeTLS is Write of a connection with TLS. What is encrypted is as good as written: it cannot be
// taken back. So it takes little more than the kernel does.
func (l *epoll) writeTLS(slot uint32, bufs [][]byte) (int, error) {
	s := l.socks[slot]
	total, n := 0, 0
	for _, b := range bufs {
		total += len(b)
	}
	for _, b := range bufs {
		for len(b) > 0 && len(s.out) == 0 {
			k := min(len(b), record-len(l.plain))
			l.plain, b = append(l.plain, b[:k]...), b[k:]
			if n += k; len(l.plain) < record && n < total {
				continue
			}
			_, err := s.tls.Write(l.plain)
			l.plain = l.plain[:0]
			if err == nil && (len(l.wire) >= maxRead || n == total) {
				err = l.flush(slot, s)
			}
			if err != nil {
				l.wire = l.wire[:0]
				return 0, err
			}
		}
	}
	l.listenFor(slot, unix.EPOLLOUT, len(s.out) > 0 || n < total)
	return n, nil
}

// flush writes what crypto/tls has for the socket. What the kernel does not take waits.
func (l *epoll) flush(slot uint32, s *sock) error {
	if len(l.wire) == 0 {
		return nil
	}
	wire := l.wire
	l.wire = l.wire[:0]
	if len(s.out) > 0 {
		if len(s.out)+len(wire) > outLimit { // a peer that asks for answers and takes none
			return io.ErrShortBuffer
		}
		s.out = append(s.out, wire...)
		return nil
	}
	n, err := send(s.fd, wire)
	if err != nil {
		return err
	}
	if n < len(wire) {
		s.out = append([]byte(nil), wire[n:]...)
		l.listenFor(slot, unix.EPOLLOUT, true)
	}
	return nil
}

// send writes as much as the kernel takes.
func send(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Write(fd, b)
		switch err {
		case nil:
			return n, nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			return 0, os.NewSyscallError("write", err)
		}
	}
}

// writableTLS sends what waits. It reports whether the handler may write again.
func (l *epoll) writableTLS(slot uint32) bool {
	s := l.socks[slot]
	if len(s.out) > 0 {
		n, err := send(s.fd, s.out)
		if err != nil {
			return true // which a read or write will tell
		}
		if s.out = s.out[n:]; len(s.out) > 0 {
			return false
		}
		s.out = nil
		if s.finish {
			_ = unix.Shutdown(s.fd, unix.SHUT_WR)
		}
	}
	l.listenFor(slot, unix.EPOLLOUT, false)
	return true
}

// finishTLS says that nothing more is written.
func (l *epoll) finishTLS(slot uint32) {
	s := l.socks[slot]
	_ = s.tls.CloseWrite() // into memory
	if s.finish = true; l.flush(slot, s) != nil || len(s.out) == 0 {
		_ = unix.Shutdown(s.fd, unix.SHUT_WR) // fails only if the peer has gone
	}
}

// closeTLS ends a connection. What was written is still sent, by a goroutine if the kernel does not
// take it.
func (l *epoll) closeTLS(slot uint32) {
	s := l.socks[slot]
	l.socks[slot] = nil
	if !s.finish {
		_ = s.tls.CloseWrite() // into memory
		_ = l.flush(slot, s)   // fails if the peer has gone
	}
	if len(s.out) == 0 {
		_ = unix.Close(s.fd) // which takes it out of epoll
		return
	}
	_ = unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, s.fd, nil)
	l.wg.Go(func() {
		f := os.NewFile(uintptr(s.fd), "socket")
		defer f.Close()
		conn, err := net.FileConn(f) // which has its own
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.SetWriteDeadline(time.Now().Add(closeTimeout))
		_, _ = conn.Write(s.out)
	})
}
