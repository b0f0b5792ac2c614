// Package swarm is a great many WebSocket clients in one thread: raw sockets, one epoll, no memory
// for a client that is idle. It logs them in, joins rooms, says things at a rate or as fast as the
// server delivers them, and counts what arrives and how late.
//
// It trusts the server: a frame that breaks RFC 6455 is an error of the whole swarm. A Swarm is
// used by one goroutine.
package swarm

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"hubbub.internal/services/hubbub/rigs/edgebench/dialect"
)

// readBytes is what is read from a socket at once.
const readBytes = 256 << 10

// perSource is how many sockets are bound to one address of the loopback network: so few that the
// kernel finds each a free port at once.
const perSource = 4000

type state uint8

const (
	stDialing state = iota
	stUpgrading
	stGreeting
	stReady
	stJoining
	stJoined
)

// conn is one client.
type conn struct {
	fd    int
	state state
	wait  bool // for EPOLLOUT
	room  string
	part  []byte // of a frame that has not come whole; nil when idle
	out   []byte // what the socket did not take yet
}

// Swarm is a set of clients of one server.
type Swarm struct {
	d      dialect.Dialect
	addr   netip.AddrPort
	ep     int
	timer  int // a timerfd, so that what is said at a rate is not late by a millisecond
	conns  []conn
	buf    []byte
	frame  []byte
	events []unix.EpollEvent

	welcomed int
	joined   int
	counts   Counts
	latency  *hdrhistogram.Histogram // of what is stamped; µs
	sample   bool                    // only the first of each read is timed
	settle   time.Duration           // without a delivery, after which those that are due are lost
}

// Counts is what arrived so far.
type Counts struct {
	Delivered int64  // messages, to all clients together
	Bytes     int64  // read from sockets
	Failed    int64  // messages that tell of an error
	Failure   string // the first of them
}

// New returns a swarm without clients. Close frees what it holds.
func New(d dialect.Dialect, addr netip.AddrPort) (*Swarm, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(ep)
		return nil, fmt.Errorf("timer: %w", err)
	}
	s := &Swarm{
		d: d, addr: addr, ep: ep, timer: timer, buf: make([]byte, readBytes), events: make([]unix.EpollEvent, 512),
		latency: newHistogram(), settle: 5 * time.Second,
	}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, timer, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1}); err != nil {
		s.Close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return s, nil
}

// newHistogram holds a microsecond to a minute.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 60_000_000, 3) }

// Close closes every client at once, without a word.
func (s *Swarm) Close() {
	for i := range s.conns {
		// No TIME_WAIT is left behind: a benchmark opens a great many.
		_ = unix.SetsockoptLinger(s.conns[i].fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		_ = unix.Close(s.conns[i].fd)
	}
	_ = unix.Close(s.timer)
	_ = unix.Close(s.ep)
	s.conns = nil
}

// Len returns the number of clients.
func (s *Swarm) Len() int { return len(s.conns) }

// Counts returns what arrived so far.
func (s *Swarm) Counts() Counts { return s.counts }

// Grow logs further clients in until there are n, inFlight at the same time.
func (s *Swarm) Grow(n, inFlight int, patience time.Duration) error {
	until := time.Now().Add(patience)
	for s.welcomed < n {
		for len(s.conns) < n && len(s.conns)-s.welcomed < inFlight {
			if err := s.dial(); err != nil {
				return err
			}
		}
		if err := s.progress(until, "logged in", s.welcomed, n); err != nil {
			return err
		}
	}
	return nil
}

// Join has every client that is in no room yet join one, inFlight at the same time.
func (s *Swarm) Join(room func(client int) string, inFlight int, patience time.Duration) error {
	until := time.Now().Add(patience)
	next := s.joined
	for s.joined < len(s.conns) {
		for ; next < len(s.conns) && next-s.joined < inFlight; next++ {
			c := &s.conns[next]
			c.state, c.room = stJoining, room(next)
			if err := s.say(next, s.d.Join(c.room)); err != nil {
				return err
			}
		}
		if err := s.progress(until, "joined", s.joined, len(s.conns)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Swarm) progress(until time.Time, what string, have, want int) error {
	if s.counts.Failed > 0 {
		return fmt.Errorf("the server answers %q", s.counts.Failure)
	}
	if time.Now().After(until) {
		return fmt.Errorf("%d of %d clients have %s: out of patience", have, want, what)
	}
	return s.poll(100)
}

func (s *Swarm) dial() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	i := len(s.conns)
	s.conns = append(s.conns, conn{fd: fd})
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	source := unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + i/perSource)}}
	if err := unix.Bind(fd, &source); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := unix.EpollCtl(s.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT, Fd: int32(i)}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	to := unix.SockaddrInet4{Addr: s.addr.Addr().As4(), Port: int(s.addr.Port())}
	if err := unix.Connect(fd, &to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// poll takes in what the server has to say, and waits for it for so many milliseconds at most.
func (s *Swarm) poll(ms int) error {
	n, err := unix.EpollWait(s.ep, s.events, ms)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, e := range s.events[:max(n, 0)] {
		if e.Fd < 0 {
			var ticks [8]byte
			_, _ = unix.Read(s.timer, ticks[:])
			continue
		}
		i := int(e.Fd)
		if e.Events&unix.EPOLLOUT != 0 {
			if err := s.writable(i); err != nil {
				return err
			}
		}
		if e.Events&^uint32(unix.EPOLLOUT) != 0 {
			if err := s.readable(i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Swarm) writable(i int) error {
	c := &s.conns[i]
	if c.state == stDialing {
		if code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
			return fmt.Errorf("connect client %d: %w", i, unix.Errno(code))
		}
		c.state, c.wait = stUpgrading, true
		c.out = append(c.out, s.d.Request(i)+"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"...)
	}
	return s.flush(i, 0)
}

// flush writes what is left to write; c.out is nil after it when the socket took all.
func (s *Swarm) flush(i, from int) error {
	c := &s.conns[i]
	for from < len(c.out) {
		n, err := unix.Write(c.fd, c.out[from:])
		if errors.Is(err, unix.EAGAIN) {
			c.out = c.out[from:]
			return s.await(i, true)
		}
		if err != nil {
			return fmt.Errorf("write to client %d: %w", i, err)
		}
		from += n
	}
	c.out = nil
	return s.await(i, false)
}

// await has epoll tell when the socket can be written to, or not.
func (s *Swarm) await(i int, out bool) error {
	c := &s.conns[i]
	if c.wait == out {
		return nil
	}
	c.wait = out
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
	if out {
		e.Events |= unix.EPOLLOUT
	}
	if err := unix.EpollCtl(s.ep, unix.EPOLL_CTL_MOD, c.fd, &e); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

func (s *Swarm) readable(i int) error {
	c := &s.conns[i]
	had := copy(s.buf, c.part)
	if had == len(s.buf) {
		return fmt.Errorf("client %d: a frame of more than %d bytes", i, len(s.buf))
	}
	n, err := unix.Read(c.fd, s.buf[had:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil
	case err != nil:
		return fmt.Errorf("read of client %d: %w", i, err)
	case n == 0:
		return fmt.Errorf("client %d: the server has closed the connection", i)
	}
	s.counts.Bytes += int64(n)
	rest, err := s.take(i, s.buf[:had+n])
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		c.part = nil
	} else {
		c.part = append(c.part[:0], rest...)
	}
	return nil
}

// take takes in the response to the upgrade, and then frames, and returns what is not whole yet.
func (s *Swarm) take(i int, b []byte) (rest []byte, err error) {
	c := &s.conns[i]
	if c.state == stUpgrading {
		head, after, whole := bytes.Cut(b, []byte("\r\n\r\n"))
		if !whole {
			return b, nil
		}
		if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
			return nil, fmt.Errorf("client %d: the upgrade was answered with %q", i, head)
		}
		c.state = stGreeting
		if hello := s.d.Hello(i); hello != "" {
			if err := s.say(i, hello); err != nil {
				return nil, err
			}
		}
		b = after
	}
	now, timed := int64(0), false
	for {
		op, payload, after, ok := nextFrame(b)
		if !ok {
			return b, nil
		}
		b = after
		switch op {
		case opText, opBinary:
		case opPing:
			if err := s.send(i, opPong, payload); err != nil {
				return nil, err
			}
			continue
		case opPong:
			continue
		default:
			return nil, fmt.Errorf("client %d: the server sent a frame %#x: %q", i, op, payload)
		}
		n := dialect.Count(payload)
		if n == 0 {
			if err := s.told(i, payload); err != nil {
				return nil, err
			}
			continue
		}
		s.counts.Delivered += int64(n)
		if timed && s.sample {
			continue
		}
		if !timed {
			now, timed = nanos(), true
		}
		s.time(payload, now)
	}
}

// time records the age of the messages in a payload, or of the first of them.
func (s *Swarm) time(payload []byte, now int64) {
	for {
		at, rest, ok := dialect.Stamp(payload)
		if !ok {
			return
		}
		// out of range: over a minute, which is found as lost
		_ = s.latency.RecordValue(max(1, (now-at)/1000))
		if payload = rest; s.sample {
			return
		}
	}
}

// told takes in a message that is no delivery.
func (s *Swarm) told(i int, payload []byte) error {
	c := &s.conns[i]
	if s.d.Failed(payload) {
		if s.counts.Failed++; s.counts.Failed == 1 {
			s.counts.Failure = string(payload)
		}
		return nil
	}
	if pong := s.d.Pong(payload); pong != "" {
		return s.say(i, pong)
	}
	switch {
	case c.state == stGreeting && s.d.Welcomed(payload):
		c.state = stReady
		s.welcomed++
	case c.state == stJoining && s.d.Joined(payload):
		c.state = stJoined
		s.joined++
	}
	return nil
}

// say sends a message of the dialect.
func (s *Swarm) say(i int, payload string) error {
	op := byte(opText)
	if s.d.Binary {
		op = opBinary
	}
	return s.send(i, op, []byte(payload))
}

func (s *Swarm) send(i int, op byte, payload []byte) error {
	c := &s.conns[i]
	if len(c.out) > 0 {
		c.out = appendFrame(c.out, op, payload)
		return nil
	}
	s.frame = appendFrame(s.frame[:0], op, payload)
	n, err := unix.Write(c.fd, s.frame)
	if errors.Is(err, unix.EAGAIN) {
		n, err = 0, nil
	}
	if err != nil {
		return fmt.Errorf("write to client %d: %w", i, err)
	}
	if n < len(s.frame) {
		c.out = append(c.out, s.frame[n:]...)
		return s.await(i, true)
	}
	return nil
}

// nanos returns the time of the clock that messages are stamped by.
func nanos() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}
