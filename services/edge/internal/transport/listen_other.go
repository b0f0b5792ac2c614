//go:build !linux

package transport

import "net"

// Listen returns n loops that share addr (host:port; port 0: any free one), and the address that
// they got. Nothing is accepted before they run.
func Listen(addr string, n int, start Starting) ([]Loop, net.Addr, error) {
	return ListenNet(addr, n, start)
}

// ListenTLS is Listen for encrypted connections: the Handler learns of a connection after its
// handshake, and sees decrypted bytes.
func ListenTLS(addr string, n int, secure Secure, start Starting) ([]Loop, net.Addr, error) {
	return listenNet(addr, n, &secure, start)
}
