package swarm

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// upgradeHeaders end every upgrade request.
const upgradeHeaders = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// Send sends a frame, and keeps what the socket does not accept yet. On a closed connection it does
// nothing.
func (s *Swarm) Send(i int, op byte, payload []byte) error {
	s.frame = AppendFrame(s.frame[:0], op, payload)
	return s.write(i, s.frame)
}

// write writes what is left of earlier writes, and then b.
func (s *Swarm) write(i int, b []byte) error {
	c := &s.conns[i]
	if c.fd < 0 {
		return nil
	}
	if c.part != nil && len(c.part.out) > 0 {
		c.part.out = append(c.part.out, b...)
		b = c.part.out
	}
	n, err := 0, error(nil)
	if len(b) > 0 {
		n, err = unix.Write(int(c.fd), b)
	}
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		n, err = 0, nil
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if n < len(b) {
		if c.part == nil {
			c.part = new(part)
		}
		c.part.out = append([]byte(nil), b[n:]...)
		return s.watch(i, true)
	}
	if c.part != nil {
		c.part.out = nil
		s.settle(c)
	}
	return s.watch(i, false)
}

// settle frees the part of a connection that has nothing incomplete.
func (s *Swarm) settle(c *conn) {
	if c.part != nil && len(c.part.in) == 0 && len(c.part.out) == 0 {
		c.part = nil
	}
}

// watch tells epoll whether to report that the socket can be written to.
func (s *Swarm) watch(i int, out bool) error {
	c := &s.conns[i]
	if c.out == out {
		return nil
	}
	c.out = out
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
	if out {
		e.Events |= unix.EPOLLOUT
	}
	if err := unix.EpollCtl(s.ep, unix.EPOLL_CTL_MOD, int(c.fd), &e); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

func (s *Swarm) writable(i int) error {
	c := &s.conns[i]
	if c.phase != dialing {
		return s.write(i, nil)
	}
	if code, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
		return fmt.Errorf("connect: %w", unix.Errno(code))
	}
	c.phase = upgrading
	return s.write(i, []byte(s.h.Request(i)+upgradeHeaders))
}

func (s *Swarm) readable(i int) error {
	c := &s.conns[i]
	had := 0
	if c.part != nil {
		had = len(c.part.in)
	}
	if len(s.buf)-had < readBytes/2 { // a long frame
		s.buf = make([]byte, 2*had+readBytes)
	}
	if had > 0 {
		copy(s.buf, c.part.in)
	}
	n, err := unix.Read(int(c.fd), s.buf[had:])
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("read: %w", err)
	case n == 0:
		return ErrEnded
	}
	s.read += int64(n)
	rest, err := s.handle(i, s.buf[:had+n])
	if err != nil || c.fd < 0 {
		return err
	}
	switch {
	case len(rest) > 0:
		if c.part == nil {
			c.part = new(part)
		}
		c.part.in = append(c.part.in[:0], rest...)
	case c.part != nil:
		c.part.in = nil
		s.settle(c)
	}
	return nil
}

// handle handles the response to the upgrade and the frames in b, and returns what is incomplete.
func (s *Swarm) handle(i int, b []byte) (rest []byte, err error) {
	c := &s.conns[i]
	if c.phase == upgrading {
		head, after, complete := bytes.Cut(b, []byte("\r\n\r\n"))
		if !complete && len(b) > maxHead {
			head, complete = b, true // which the handler refuses
		}
		if !complete {
			return b, nil
		}
		c.phase = open
		if err := s.h.Upgraded(i, head); err != nil || c.fd < 0 {
			return nil, err
		}
		b = after
	}
	for {
		op, payload, after, err := NextFrame(b, s.maxFrame)
		if err != nil || op == 0 {
			return b, err
		}
		b = after
		switch op {
		case OpPing:
			err = s.Send(i, OpPong, payload)
		case OpPong:
		default:
			err = s.h.Frame(i, op, payload)
		}
		if err != nil || c.fd < 0 {
			return nil, err
		}
	}
}
