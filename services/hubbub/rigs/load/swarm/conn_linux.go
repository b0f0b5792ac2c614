package swarm

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"
)

// dial begins a client's connection.
func (s *Swarm) dial(i int) {
	c := &s.clients[i]
	c.turn++
	edge := s.cfg.Edge(i)
	fd, err := s.connect(i, edge)
	if err != nil {
		s.failed(i, err)
		return
	}
	c.fd, c.state, c.out = int32(fd), stDialing, true
	s.timers.add(openFor, timer{client: int32(i), turn: c.turn, what: openLate})
}

func (s *Swarm) connect(i int, edge Edge) (fd int, err error) {
	family := unix.AF_INET
	if edge.Addr.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	var to unix.Sockaddr
	if family == unix.AF_INET {
		to = &unix.SockaddrInet4{Addr: edge.Addr.Addr().As4(), Port: int(edge.Addr.Port())}
		if s.cfg.From.Is4() {
			// A port is then taken only when connecting, so that it can serve for several edges.
			_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
			from := &unix.SockaddrInet4{Addr: s.cfg.From.As4()}
			from.Addr[3] += byte(i / perSource)
			if err = unix.Bind(fd, from); err != nil {
				return -1, fmt.Errorf("bind: %w", err)
			}
		}
	} else {
		to = &unix.SockaddrInet6{Addr: edge.Addr.Addr().As16(), Port: int(edge.Addr.Port())}
	}
	if err = unix.EpollCtl(s.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT, Fd: int32(i)}); err != nil {
		return -1, fmt.Errorf("epoll: %w", err)
	}
	if err = unix.Connect(fd, to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return -1, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

// cut ends a client's connection without a word.
func (s *Swarm) cut(i int) {
	c := &s.clients[i]
	if c.fd >= 0 {
		// No TIME_WAIT is left behind: ports would run out.
		_ = unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		_ = unix.Close(int(c.fd))
		c.fd = -1
	}
	c.part, c.out = nil, false
}

// lose cuts a client off; what it says waits until it is back.
func (s *Swarm) lose(i int) {
	c := &s.clients[i]
	s.cut(i)
	if c.state == stIn {
		c.since = time.Now().UnixNano()
		s.cfg.Watcher.Out(i)
	}
	c.state = stWaiting
	for k := range s.placesOf(i) {
		s.placesOf(i)[k].live = false
	}
	if c.talk != nil {
		c.talk.sent = false
	}
}

// failed has a client whose connection ended come back after a while, unless that is of no use.
func (s *Swarm) failed(i int, err error) {
	c := &s.clients[i]
	s.lose(i)
	c.turn++
	e := reason(err)
	if e.final {
		c.state = stGone
		s.cfg.Watcher.Gone(i, e.code, err)
		s.hush(i)
		return
	}
	s.cfg.Watcher.Lost(i, e.code, err)
	if c.talk != nil { // where nothing answers any more it may never be in its rooms again
		s.expire(c.talk)
	}
	wait := min(minBackoff<<min(c.tries, 10), maxBackoff)
	c.tries = min(c.tries+1, 10)
	s.timers.add(max(e.after, wait/2)+rand.N(wait/2), timer{client: int32(i), turn: c.turn, what: dialAgain})
}

func (s *Swarm) ready(i int, events uint32) {
	c := &s.clients[i]
	if c.fd < 0 {
		return // of a connection that has been cut since
	}
	var err error
	if events&unix.EPOLLOUT != 0 {
		err = s.writable(i)
	}
	if err == nil && c.fd >= 0 && events&^uint32(unix.EPOLLOUT) != 0 {
		err = s.readable(i)
	}
	if err != nil {
		s.failed(i, err)
	}
}

const requestEnd = "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

func (s *Swarm) writable(i int) error {
	c := &s.clients[i]
	if c.state == stDialing {
		if code, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
			return fmt.Errorf("connect: %w", unix.Errno(code))
		}
		c.state = stUpgrading
		return s.write(i, []byte("GET /v1/ws HTTP/1.1\r\nHost: "+s.cfg.Edge(i).Host+requestEnd))
	}
	return s.write(i, nil)
}

// write writes what waits, and then b.
func (s *Swarm) write(i int, b []byte) error {
	c := &s.clients[i]
	if p := c.part; p != nil && len(p.out) > 0 {
		p.out = append(p.out, b...)
		b = p.out
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
		return s.await(i, true)
	}
	if p := c.part; p != nil {
		if p.out = nil; p.in == nil {
			c.part = nil
		}
	}
	return s.await(i, false)
}

// await has epoll tell when the socket can be written to, or not.
func (s *Swarm) await(i int, out bool) error {
	c := &s.clients[i]
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

func (s *Swarm) readable(i int) error {
	c := &s.clients[i]
	had := 0
	if c.part != nil {
		had = len(c.part.in)
	}
	if len(s.buf)-had < readBytes/2 { // a long frame
		s.buf = make([]byte, had+readBytes)
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
		return errCut
	}
	rest, err := s.digest(i, s.buf[:had+n])
	if err != nil || c.fd < 0 {
		return err
	}
	switch {
	case len(rest) > 0:
		if c.part == nil {
			c.part = new(part)
		}
		c.part.in = append([]byte(nil), rest...)
	case c.part != nil:
		if c.part.in = nil; len(c.part.out) == 0 {
			c.part = nil
		}
	}
	return nil
}

// digest takes in the response to the upgrade, and then frames, and returns what is not whole yet.
func (s *Swarm) digest(i int, b []byte) (rest []byte, err error) {
	c := &s.clients[i]
	if c.state == stUpgrading {
		head, after, whole := bytes.Cut(b, []byte("\r\n\r\n"))
		if !whole {
			if len(b) > 16<<10 {
				return nil, &end{code: "no_hubbub", final: true, why: "the answer to the upgrade has no end: no Hubbub is there"}
			}
			return b, nil
		}
		if err := upgraded(head); err != nil {
			return nil, err
		}
		if err := s.greet(i); err != nil {
			return nil, err
		}
		b = after
	}
	for {
		op, payload, after, err := nextFrame(b)
		if err != nil || op == 0 {
			return b, err
		}
		b = after
		switch op {
		case opText:
			for range s.seed.times(payload) {
				if err = s.text(i, payload); err != nil || c.fd < 0 {
					break
				}
			}
		case opPing:
			s.frame = appendFrame(s.frame[:0], opPong, payload)
			err = s.write(i, s.frame)
		case opClose:
			err = closed(payload)
		}
		if err != nil || c.fd < 0 {
			return nil, err
		}
	}
}
