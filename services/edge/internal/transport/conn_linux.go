package transport

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// accept takes in what waits at the listener.
func (l *epoll) accept() {
	for range maxAccepts {
		if l.listener < 0 {
			return
		}
		fd, _, err := unix.Accept4(l.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			if l.secured != nil {
				l.begin(fd)
			} else {
				l.add(fd, nil)
			}
		case unix.EMFILE, unix.ENFILE:
			if !l.refuse() {
				l.pause()
				return
			}
		case unix.EINTR, unix.ECONNABORTED:
		default:
			// the backlog is empty, or the kernel is short of memory: the next turn tries again
			return
		}
	}
}

// refuse tells one waiting connection that there is no file descriptor left for it: left waiting,
// it would have epoll report it again and again.
func (l *epoll) refuse() bool {
	closeFD(&l.spare)
	fd, _, err := unix.Accept4(l.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err == nil {
		if l.secured == nil {
			_, _ = unix.Write(fd, Refusal)
			_ = unix.Shutdown(fd, unix.SHUT_WR)
		}
		_ = unix.Close(fd)
		l.h.Refused()
	}
	return l.openSpare() == nil && err == nil
}

// add takes a connection in; s is nil but with TLS. It returns false if that failed, or the handler
// has closed it.
func (l *epoll) add(fd int, s *sock) (slot uint32, ok bool) {
	// A chat's frames are small and wanted now. It fails only on a socket that is broken, which a
	// read will tell.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if n := len(l.free); n > 0 {
		slot, l.free = l.free[n-1], l.free[:n-1]
	} else {
		slot = uint32(len(l.conns))
		l.conns = append(l.conns, conn{})
		if s != nil {
			l.socks = append(l.socks, nil)
		}
	}
	c := &l.conns[slot]
	c.fd, c.gen, c.events = int32(fd), c.gen+1, unix.EPOLLIN
	if l.control(slot, unix.EPOLL_CTL_ADD) != nil {
		_ = unix.Close(fd)
		c.fd = -1
		l.free = append(l.free, slot)
		return slot, false
	}
	if s != nil {
		l.socks[slot] = s
	}
	gen := c.gen
	l.h.Opened(slot)
	c = &l.conns[slot]
	return slot, c.fd >= 0 && c.gen == gen
}

func (l *epoll) control(slot uint32, op int) error {
	c := &l.conns[slot]
	return unix.EpollCtl(l.ep, op, int(c.fd), &unix.EpollEvent{Events: c.events, Fd: int32(slot), Pad: int32(c.gen)})
}

// listenFor sets whether a connection's events include those of mask.
func (l *epoll) listenFor(slot uint32, mask uint32, on bool) {
	c := &l.conns[slot]
	events := c.events &^ mask
	if on {
		events |= mask
	}
	if events != c.events {
		c.events = events
		_ = l.control(slot, unix.EPOLL_CTL_MOD) // cannot fail for a socket that was added
	}
}

// Write implements Loop.
func (l *epoll) Write(slot uint32, bufs [][]byte) (int, error) {
	if l.secured != nil {
		return l.writeTLS(slot, bufs)
	}
	total := 0
	for _, b := range bufs {
		total += len(b)
	}
	n, errno := l.write(int(l.conns[slot].fd), bufs)
	if errno != 0 && errno != unix.EAGAIN {
		return 0, os.NewSyscallError("writev", errno)
	}
	l.listenFor(slot, unix.EPOLLOUT, n < total)
	return n, nil
}

func (l *epoll) write(fd int, bufs [][]byte) (int, unix.Errno) {
	l.iov = l.iov[:0]
	for _, b := range bufs[:min(len(bufs), MaxBufs)] {
		if len(b) > 0 {
			v := unix.Iovec{Base: unsafe.SliceData(b)}
			v.SetLen(len(b))
			l.iov = append(l.iov, v)
		}
	}
	if len(l.iov) == 0 {
		return 0, 0
	}
	for {
		// It does not block, so the scheduler need not be told of it.
		n, _, errno := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(l.iov))), uintptr(len(l.iov)))
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// Close implements Loop.
func (l *epoll) Close(slot uint32) {
	c := &l.conns[slot]
	if c.fd < 0 {
		return
	}
	if l.secured != nil {
		l.closeTLS(slot)
	} else {
		_ = unix.Close(int(c.fd)) // which takes it out of epoll
	}
	c.fd = -1
	l.free = append(l.free, slot)
}

// Finish implements Loop.
func (l *epoll) Finish(slot uint32) {
	if l.secured != nil {
		l.finishTLS(slot)
		return
	}
	_ = unix.Shutdown(int(l.conns[slot].fd), unix.SHUT_WR) // fails only if the peer has gone
}

// Peer implements Loop. It asks the kernel, so that connections need not remember.
func (l *epoll) Peer(slot uint32) netip.Addr {
	sa, err := unix.Getpeername(int(l.conns[slot].fd))
	if err != nil { // it is broken, which a read will tell
		return netip.Addr{}
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).Unmap()
	}
	return netip.Addr{}
}

// Detach implements Loop.
func (l *epoll) Detach(slot uint32) (net.Conn, error) {
	c := &l.conns[slot]
	fd := int(c.fd)
	err := unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, fd, nil)
	c.fd = -1
	l.free = append(l.free, slot)
	f := os.NewFile(uintptr(fd), "socket "+strconv.Itoa(fd))
	defer f.Close() // FileConn has its own
	if err != nil {
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	conn, err := net.FileConn(f)
	if err != nil || l.secured == nil {
		return conn, err
	}
	s := l.socks[slot]
	l.socks[slot] = nil
	s.Conn, s.l = conn, nil
	return s.tls, nil
}
