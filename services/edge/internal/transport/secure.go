package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// Secure is what connections need that are encrypted by TLS.
type Secure struct {
	Config  *tls.Config
	Timeout time.Duration // for a handshake
	// HTTP2 takes a connection whose handshake agreed on h2, which carries no WebSocket here.
	HTTP2 func(net.Conn)
	// Failed is told of a handshake that failed, by any goroutine.
	Failed func(error)
}

// notTLS is what is answered to a request in the clear.
const notTLS = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"this port speaks HTTPS: use https://\n"

// protocolHTTP2 is its name in a handshake (RFC 9113 section 3.2).
const protocolHTTP2 = "h2"

// protocolACME is that of a handshake which proves to a certificate authority that a name leads
// here, and carries nothing else (RFC 8737).
const protocolACME = "acme-tls/1"

// shake does the handshake of a connection. It returns the connection for a loop, or nil if there
// is nothing for one.
func (s *Secure) shake(ctx context.Context, conn net.Conn) *tls.Conn {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	c := tls.Server(conn, s.Config)
	if err := c.HandshakeContext(ctx); err != nil {
		var plain tls.RecordHeaderError
		if errors.As(err, &plain) && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
			_ = plain.Conn.SetWriteDeadline(time.Now().Add(closeTimeout))
			_, _ = io.WriteString(plain.Conn, notTLS)
		}
		_ = conn.Close()
		if !errors.Is(err, io.EOF) { // somebody only looks whether the port is open
			s.Failed(err)
		}
		return nil
	}
	switch c.ConnectionState().NegotiatedProtocol {
	case protocolHTTP2:
		s.HTTP2(c)
		return nil
	case protocolACME:
		_ = c.Close()
		return nil
	}
	return c
}

// looksLikeHTTP reports whether the first bytes of a connection are those of a request.
func looksLikeHTTP(b [5]byte) bool {
	switch string(b[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}
