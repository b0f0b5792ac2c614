package transport

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// backlog is how many connections may wait to be accepted; the kernel cuts it to
// net.core.somaxconn.
const backlog = 65535

// Listen returns n loops that share addr (host:port; port 0: any free one), and the address that
// they got. Nothing is accepted before they run.
func Listen(addr string, n int, start Starting) ([]Loop, net.Addr, error) {
	return listenEpoll(addr, n, nil, start)
}

func listenEpoll(addr string, n int, secure *Secure, start Starting) ([]Loop, net.Addr, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("listen address: %w", err)
	}
	// SO_REUSEPORT would let another process of this user share the port unnoticed: a bind without
	// it finds out.
	probe, err := bind(tcp, false)
	if err != nil {
		return nil, nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	unix.Close(probe)
	var loops []Loop
	for range n {
		l, err := newEpoll(tcp, secure, start)
		if err != nil {
			for _, l := range loops {
				l.Dispose()
			}
			return nil, nil, fmt.Errorf("listen on %s: %w", addr, err)
		}
		loops = append(loops, l)
		tcp.Port = l.port
	}
	return loops, tcp, nil
}

// bind returns a socket bound to an address. One without a host is bound for IPv6 and IPv4, where
// there is IPv6.
func bind(a *net.TCPAddr, reusePort bool) (int, error) {
	ip4 := a.IP.To4()
	if ip4 == nil {
		sa := &unix.SockaddrInet6{Port: a.Port}
		copy(sa.Addr[:], a.IP.To16())
		if a.Zone != "" {
			dev, err := net.InterfaceByName(a.Zone)
			if err != nil {
				return -1, err
			}
			sa.ZoneId = uint32(dev.Index)
		}
		fd, err := bindTo(unix.AF_INET6, sa, reusePort, len(a.IP) == 0)
		if err == nil || len(a.IP) != 0 || errors.Is(err, unix.EADDRINUSE) {
			return fd, err
		}
		ip4 = net.IPv4zero.To4() // no IPv6 here
	}
	return bindTo(unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip4)}, reusePort, false)
}

func bindTo(family int, sa unix.Sockaddr, reusePort, both bool) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil && reusePort {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err == nil && family == unix.AF_INET6 {
		only := 1
		if both {
			only = 0
		}
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("bind", err)
	}
	return fd, nil
}

// listen returns a listening socket that others may share the port of, and the port.
func listen(a *net.TCPAddr) (fd, port int, err error) {
	if fd, err = bind(a, true); err != nil {
		return -1, 0, err
	}
	if err = unix.Listen(fd, backlog); err != nil {
		unix.Close(fd)
		return -1, 0, os.NewSyscallError("listen", err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		unix.Close(fd)
		return -1, 0, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		port = sa.Port
	case *unix.SockaddrInet6:
		port = sa.Port
	}
	return fd, port, nil
}
