package natsbus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

const (
	reconnectMin = 50 * time.Millisecond
	reconnectMax = 2 * time.Second
	dialTimeout  = 2 * time.Second
	// pingEvery times pingsOut is how long a silent server goes unnoticed.
	pingEvery = 5 * time.Second
	pingsOut  = 2
	// writeTimeout is how long a publisher may block on a server that does not read, before the
	// connection counts as lost.
	writeTimeout = 2 * time.Second
)

func (b *Driver) connect(ctx context.Context) error {
	var err error
	if b.main, err = b.dial(ctx, "main", b.link.cut, func() {
		b.link.cut()
		b.appends.resend()
	}); err != nil {
		return err
	}
	if b.liveConn, err = b.dial(ctx, "live", b.live.lost, b.live.reconnected); err != nil {
		return err
	}
	if err := checkServer(b.main.ConnectedServerVersion(), b.main.HeadersSupported()); err != nil {
		return fmt.Errorf("NATS at %s %w", b.where(), err)
	}
	if b.js, err = jetstream.New(b.main, jetstream.WithDefaultTimeout(5*time.Second)); err != nil {
		return err
	}
	return b.checkPermissions(ctx)
}

// dial connects once: at the start, an unreachable server is an error to report; later it is one to
// outlive. lost and back are called in turn, when the connection is lost and when it is restored.
func (b *Driver) dial(ctx context.Context, part string, lost, back func()) (*nats.Conn, error) {
	log := b.log.With(zap.String("connection", part))
	opts := []nats.Option{
		nats.Name(b.cfg.Name + " " + part),
		nats.Timeout(dialTimeout),
		nats.MaxReconnects(-1),
		// a password that is being changed must not end this process's bus
		nats.IgnoreAuthErrorAbort(),
		nats.RetryOnFailedConnect(false),
		// Nothing is buffered while the server is away: an append that left a buffer minutes later
		// could fall outside the window in which the server recognises its repeat.
		nats.ReconnectBufSize(-1),
		nats.CustomReconnectDelay(func(tries int) time.Duration {
			d := min(reconnectMin<<min(tries, 10), reconnectMax)
			return d/2 + rand.N(d/2) // jitter, since a whole fleet reconnects at the same time
		}),
		nats.FlusherTimeout(writeTimeout),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(pingsOut),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if b.isClosed() {
				return
			}
			b.metrics.Disconnects.Inc()
			log.Warn("lost the connection to NATS; reconnecting", zap.Error(err))
			lost()
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			if b.isClosed() {
				return
			}
			log.Info("reconnected to NATS", zap.String("server", c.ConnectedUrlRedacted()))
			back()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) { b.asyncError(log, sub, err) }),
	}
	if b.cfg.InProcess != nil {
		opts = append(opts, nats.InProcessServer(b.cfg.InProcess))
	}
	opts = append(opts, b.cfg.Options...)
	type result struct {
		c   *nats.Conn
		err error
	}
	done := make(chan result, 1)
	b.wg.Go(func() { // Connect takes no context, but each dial and handshake in it is bounded
		c, err := nats.Connect(b.cfg.Servers, opts...)
		if err == nil && ctx.Err() != nil {
			c.Close()
		}
		done <- result{c, err}
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to NATS at %s: %w", b.where(), ctx.Err())
	case r := <-done:
		return r.c, b.explain(r.err)
	}
}

// checkServer refuses a server without batched direct gets, which came with version 2.11.
func checkServer(version string, headers bool) error {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d.", &major, &minor); err == nil && (major < 2 || major == 2 && minor < 11) {
		return fmt.Errorf("is version %s: Hubbub needs nats-server 2.11 or newer", version)
	}
	if !headers {
		return errors.New("has headers turned off: turn them on (no_header_support)")
	}
	return nil
}

// explain says what to do about an error of the first connection.
func (b *Driver) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		return fmt.Errorf("NATS at %s refused the login: check the user and password, or token, in the bus URL: %w", b.where(), err)
	case errors.Is(err, nats.ErrNoServers):
		return fmt.Errorf("NATS at %s cannot be reached: check that it runs and that the host and port of the bus URL are right: %w", b.where(), err)
	}
	if says := tlsTrouble(err); says != "" {
		return fmt.Errorf("NATS at %s %s: %w", b.where(), says, err)
	}
	return fmt.Errorf("NATS at %s cannot be used: check that the port of the bus URL is that of NATS: %w", b.where(), err)
}

// tlsTrouble explains a failed connection between two sides of which at least one speaks TLS; "":
// it has another cause.
func tlsTrouble(err error) string {
	var verify *tls.CertificateVerificationError
	var name x509.HostnameError
	var alert *net.OpError
	switch {
	case errors.Is(err, nats.ErrSecureConnWanted):
		return "does not speak TLS: write nats:// in the place of tls:// in the bus URL"
	case errors.As(err, &name):
		return "has a certificate for another name: write that name in the bus URL, or have the certificate name this one"
	case errors.As(err, &verify):
		return "has a certificate that nobody here vouches for: give that of its authority as --bus-ca"
	case errors.Is(err, nats.ErrTLS), errors.As(err, &alert) && alert.Op == "remote error":
		return "ended the TLS handshake: it may ask for a client's certificate (--bus-cert and --bus-key)"
	}
	return ""
}

// asyncError handles the errors that the client library reports outside of a call.
func (b *Driver) asyncError(log *zap.Logger, sub *nats.Subscription, err error) {
	if b.isClosed() {
		return
	}
	if errors.Is(err, nats.ErrSlowConsumer) {
		b.metrics.slow.Inc()
		if b.live != nil {
			b.live.slow.Store(true)
		}
		if sub != nil {
			log.Warn("this process reads too slowly from NATS: messages were dropped", zap.String("subject", sub.Subject))
		}
		return
	}
	if errors.Is(err, nats.ErrPermissionViolation) {
		b.refused(err)
	}
	log.Warn("NATS reports an error", zap.Error(err))
}

// closeConn closes a connection and waits until its callbacks have ended.
func closeConn(c *nats.Conn) {
	done := make(chan struct{})
	c.SetClosedHandler(func(*nats.Conn) { close(done) })
	if c.IsClosed() {
		return
	}
	c.Close()
	<-done
}
