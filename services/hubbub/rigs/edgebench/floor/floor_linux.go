// Package floor is the least that a chat server can do: it writes each message that it receives to
// all its clients, with one write(2) for each, and nothing else. What a server spends beyond that
// is its own.
//
// Its system calls are raw, and Go never schedules its one thread away, so it costs what the same
// program in C does.
package floor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// Serve listens on addr and serves until something fails. It keeps its thread.
func Serve(addr netip.AddrPort) error {
	runtime.LockOSThread()
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	_ = unix.SetsockoptInt(l, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := unix.Bind(l, &unix.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(l, 4096); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	s := &server{ep: ep, listener: l, parts: make(map[int][]byte)}
	if err := s.watch(l); err != nil {
		return err
	}
	return s.run()
}

type server struct {
	ep, listener int
	clients      []int
	parts        map[int][]byte // by socket: incomplete input
	buf          [256 << 10]byte
	out          []byte
}

func (s *server) watch(fd int) error {
	if err := unix.EpollCtl(s.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

func (s *server) run() error {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(s.ep, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == s.listener {
				err = s.accept()
			} else {
				err = s.read(int(e.Fd))
			}
			if err != nil {
				return err
			}
		}
	}
}

func (s *server) accept() error {
	fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	return s.watch(fd)
}

func (s *server) read(fd int) error {
	part := s.parts[fd]
	had := copy(s.buf[:], part)
	n, err := unix.Read(fd, s.buf[had:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil
	case n <= 0:
		s.forget(fd) // clients disconnect without a close frame
		return nil
	}
	b := s.buf[:had+n]
	if bytes.HasPrefix(b, []byte("GET ")) {
		_, rest, whole := bytes.Cut(b, []byte("\r\n\r\n"))
		if !whole {
			s.parts[fd] = append(part[:0], b...)
			return nil
		}
		s.write(fd, []byte(response))
		b = rest
	}
	for {
		payload, rest, ok := unmask(b)
		if !ok {
			break
		}
		b = rest
		switch string(payload) {
		case "hello":
			s.write(fd, s.encode([]byte("welcome")))
		case "join":
			s.clients = append(s.clients, fd)
			s.write(fd, s.encode([]byte("joined")))
		default:
			frame := s.encode(payload)
			for _, to := range s.clients {
				s.write(to, frame)
			}
		}
	}
	if len(b) > 0 {
		s.parts[fd] = append(part[:0], b...)
	} else if part != nil {
		delete(s.parts, fd)
	}
	return nil
}

func (s *server) forget(fd int) {
	for i, c := range s.clients {
		if c == fd {
			s.clients[i] = s.clients[len(s.clients)-1]
			s.clients = s.clients[:len(s.clients)-1]
			break
		}
	}
	delete(s.parts, fd)
	_ = unix.Close(fd)
}

// write writes all of b. While the socket is full it waits, and all other clients wait, too.
func (s *server) write(fd int, b []byte) {
	for len(b) > 0 {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			b = b[n:]
		case unix.EAGAIN:
			time.Sleep(time.Millisecond)
		default:
			return // the reader of the socket finds out
		}
	}
}

// encode returns a server's frame, which is valid until the next call.
func (s *server) encode(payload []byte) []byte {
	s.out = append(s.out[:0], 0x81)
	if n := len(payload); n < 126 {
		s.out = append(s.out, byte(n))
	} else {
		s.out = binary.BigEndian.AppendUint16(append(s.out, 126), uint16(n))
	}
	s.out = append(s.out, payload...)
	return s.out
}

// unmask cuts a client's frame of less than 64 KiB off b, and unmasks it in place.
func unmask(b []byte) (payload, rest []byte, ok bool) {
	if len(b) < 6 {
		return nil, nil, false
	}
	n, at := int(b[1]&0x7f), 2
	if n == 126 {
		n, at = int(binary.BigEndian.Uint16(b[2:])), 4
	}
	if len(b) < at+4+n {
		return nil, nil, false
	}
	key := b[at : at+4]
	payload = b[at+4 : at+4+n]
	for i := range payload {
		payload[i] ^= key[i&3]
	}
	return payload, b[at+4+n:], true
}
