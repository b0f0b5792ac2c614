package swarm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Handler owns the protocol that the connections of a Swarm speak. Poll calls it. An error of
// Upgraded or Frame ends the connection, and is then given to Ended.
type Handler interface {
	// Request returns the first lines of a connection's upgrade request, up to and without the
	// headers that every WebSocket client sends.
	Request(i int) string
	// Upgraded receives the head of the response to the upgrade. It accepts it with nil: then
	// frames follow.
	Upgraded(i int, head []byte) error
	// Frame receives each frame but pings, which the Swarm answers, and pongs. The payload is valid
	// during the call.
	Frame(i int, op byte, payload []byte) error
	// Ended learns that a connection was closed because of an error. Poll returns the error that
	// Ended returns.
	Ended(i int, err error) error
}

// ErrEnded says that the server ended a connection without a close frame.
var ErrEnded = errors.New("the server ended the connection without a close frame")

// readBytes is how much one call reads from a socket.
const readBytes = 256 << 10

// maxHead bounds the head of the response to an upgrade, in bytes.
const maxHead = 16 << 10

// perSource is how many connections share a source address: so few that the kernel finds each a
// free port at once.
const perSource = 4000

type phase uint8

const (
	closed phase = iota
	dialing
	upgrading
	open
)

// conn is one connection: 16 bytes while it is idle.
type conn struct {
	fd    int32
	phase phase
	out   bool  // epoll reports when the socket is writable
	part  *part // nil: nothing is incomplete
}

// part is incomplete input, and output that the socket has not accepted yet.
type part struct{ in, out []byte }

// The numbers in epoll events that stand for the Swarm's own descriptors, not for a connection.
const (
	wakeEvent  = -1
	timerEvent = -2
)

// Swarm is a set of connections. One goroutine uses it; Wake alone may be called from others.
type Swarm struct {
	h        Handler
	maxFrame int
	ep       int
	wake     int // an eventfd
	timer    int // a timerfd: epoll itself rounds to milliseconds
	conns    []conn
	read     int64
	buf      []byte
	frame    []byte
	events   []unix.EpollEvent
}

// New returns a Swarm of n connections, all closed, whose servers may send frames of maxFrame
// bytes. Close frees its resources.
func New(h Handler, n, maxFrame int) (*Swarm, error) {
	s := &Swarm{
		h: h, maxFrame: maxFrame, ep: -1, wake: -1, timer: -1, buf: make([]byte, readBytes), events: make([]unix.EpollEvent, 512),
	}
	var err error
	if s.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err == nil {
		s.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	}
	if err == nil {
		s.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	}
	for fd, event := range map[int]int32{s.wake: wakeEvent, s.timer: timerEvent} {
		if err == nil {
			err = unix.EpollCtl(s.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: event})
		}
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	s.Grow(n)
	return s, nil
}

// Close closes every connection, without a close frame.
func (s *Swarm) Close() {
	for i := range s.conns {
		s.Cut(i)
	}
	for _, fd := range []int{s.timer, s.wake, s.ep} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	s.timer, s.wake, s.ep = -1, -1, -1
}

// Len returns the number of connections, closed ones included.
func (s *Swarm) Len() int { return len(s.conns) }

// Grow adds closed connections until there are n.
func (s *Swarm) Grow(n int) {
	if n > cap(s.conns) {
		s.conns = append(make([]conn, 0, n), s.conns...)
	}
	for len(s.conns) < n {
		s.conns = append(s.conns, conn{fd: -1})
	}
}

// Read returns how many bytes were read from all connections together.
func (s *Swarm) Read() int64 { return s.read }

// Wake makes Poll return. It may be called from any goroutine, until Close.
func (s *Swarm) Wake() {
	one := binary.NativeEndian.AppendUint64(nil, 1)
	_, _ = unix.Write(s.wake, one)
}

// Alarm makes Poll return after a time, to the precision of the kernel's timers.
func (s *Swarm) Alarm(after time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(after), 1))}
	if err := unix.TimerfdSettime(s.timer, 0, &spec, nil); err != nil {
		return fmt.Errorf("timer: %w", err)
	}
	return nil
}

// Poll waits for events of connections, for Wake or for Alarm, for ms milliseconds at most, -1 for
// ever, and handles the events.
func (s *Swarm) Poll(ms int) error {
	n, err := unix.EpollWait(s.ep, s.events, ms)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, e := range s.events[:max(n, 0)] {
		switch e.Fd {
		case wakeEvent:
			drain(s.wake)
		case timerEvent:
			drain(s.timer)
		default:
			if err := s.ready(int(e.Fd), e.Events); err != nil {
				return err
			}
		}
	}
	return nil
}

func drain(fd int) {
	var b [8]byte
	_, _ = unix.Read(fd, b[:])
}

// ready handles the events of one connection.
func (s *Swarm) ready(i int, events uint32) error {
	c := &s.conns[i]
	if c.fd < 0 {
		return nil // the connection was cut after epoll reported it
	}
	var err error
	if events&unix.EPOLLOUT != 0 {
		err = s.writable(i)
	}
	if err == nil && c.fd >= 0 && events&^uint32(unix.EPOLLOUT) != 0 {
		err = s.readable(i)
	}
	if err == nil {
		return nil
	}
	s.Cut(i)
	return s.h.Ended(i, err)
}

// Dial begins to open a closed connection. from is the IPv4 address of the first perSource
// connections; each further perSource come from the next address. Without from the system chooses.
func (s *Swarm) Dial(i int, to netip.AddrPort, from netip.Addr) (err error) {
	family := unix.AF_INET
	if to.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	var at unix.Sockaddr
	if family == unix.AF_INET {
		at = &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
		if from.Is4() {
			// The kernel then chooses a port only in connect, so that connections to several
			// servers can share it.
			_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
			source := &unix.SockaddrInet4{Addr: from.As4()}
			source.Addr[3] += byte(i / perSource)
			if err = unix.Bind(fd, source); err != nil {
				return fmt.Errorf("bind: %w", err)
			}
		}
	} else {
		at = &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
	}
	if err = unix.EpollCtl(s.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT, Fd: int32(i)}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if err = unix.Connect(fd, at); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connect: %w", err)
	}
	s.conns[i] = conn{fd: int32(fd), phase: dialing, out: true}
	return nil
}

// Cut closes a connection, without a close frame and without a call of Ended.
func (s *Swarm) Cut(i int) {
	c := &s.conns[i]
	if c.fd >= 0 {
		// With this option close sends a reset, which leaves no TIME_WAIT: otherwise ports would
		// run out.
		_ = unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		_ = unix.Close(int(c.fd))
	}
	s.conns[i] = conn{fd: -1}
}
