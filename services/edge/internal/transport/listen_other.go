//go:build !linux

package transport

import "net"

// Listen returns n loops that share addr (host:port; port 0: any free one), and the address that
// they got. Nothing is accepted before they run.
func Listen(addr string, n int, start Starting) ([]Loop, net.Addr, error) {
	return ListenNet(addr, n, start)
}

// ListenTLS is Listen for connections that are encrypted: a Handler is told of one once its
// handshake is done, and sees what is inside.
func ListenTLS(addr string, n int, secure Secure, start Starting) ([]Loop, net.Addr, error) {
	return listenNet(addr, n, &secure, start)
}
