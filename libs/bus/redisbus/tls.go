package redisbus

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

// diagnosis bounds the attempt to find out why a TLS connection failed, or a plain one.
const diagnosis = 500 * time.Millisecond

const (
	adviceNoTLS  = "does not speak TLS: write redis:// in the place of rediss:// in the bus URL, or give the server's TLS port"
	adviceTLS    = "speaks TLS: write rediss:// in the place of redis:// in the bus URL"
	adviceName   = "has a certificate for another name: write that name in the bus URL, or have the certificate name this one"
	adviceTrust  = "has a certificate that nobody here vouches for: give that of its authority as --bus-ca"
	adviceClient = "ended the TLS handshake: it may ask for a client's certificate (--bus-cert and --bus-key)"
)

// tlsTrouble explains a failed connection between two sides of which at least one speaks TLS, as
// far as the error tells; "": it has another cause.
func tlsTrouble(err error) string {
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var name x509.HostnameError
	var alert *net.OpError
	switch {
	case errors.As(err, &record):
		return adviceNoTLS
	case errors.As(err, &name):
		return adviceName
	case errors.As(err, &verify):
		return adviceTrust
	case errors.As(err, &alert) && alert.Op == "remote error":
		return adviceClient
	}
	return ""
}

// diagnose tries the kind of connection that the bus did not: TLS if the URL is a plain one, or a
// plain command if it says TLS. A server of the other kind is mostly silent, or hangs up. It sends
// no secret.
func diagnose(addr string, o *tls.Config) string {
	ctx, cancel := context.WithTimeout(context.Background(), diagnosis)
	defer cancel()
	if o != nil && answersPlain(ctx, addr) {
		return adviceNoTLS
	}
	if o == nil {
		o = &tls.Config{InsecureSkipVerify: true} // #nosec G402 -- nothing is sent over it
		if err := handshake(ctx, addr, o); err == nil || tlsTrouble(err) == adviceClient {
			return adviceTLS
		}
		return ""
	}
	return tlsTrouble(handshake(ctx, addr, o))
}

// greeting returns what a server sends to a client that connects and stays silent: an error, if it
// accepts no clients; otherwise "".
func greeting(addr string) string {
	c, err := net.DialTimeout("tcp", addr, diagnosis)
	if err != nil {
		return ""
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(diagnosis / 5)); err != nil {
		return ""
	}
	// the beginning says enough
	words, _ := bufio.NewReader(io.LimitReader(c, 300)).ReadString('\n')
	words, isError := strings.CutPrefix(strings.TrimSpace(words), "-")
	if !isError {
		return ""
	}
	return strings.ToValidUTF8(words, "?")
}

func answersPlain(ctx context.Context, addr string) bool {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(diagnosis / 2)); err != nil {
		return false
	}
	first := make([]byte, 1)
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	_, err = c.Read(first)
	return err == nil && (first[0] == '+' || first[0] == '-')
}

// handshake returns how a TLS handshake fails, and nil if it does not. A server that misses the
// client's certificate reports it only after the handshake.
func handshake(ctx context.Context, addr string, o *tls.Config) error {
	d := tls.Dialer{Config: o}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(diagnosis / 5)); err != nil {
		return err
	}
	if _, err = c.Read(make([]byte, 1)); tlsTrouble(err) != "" {
		return err
	}
	return nil
}
