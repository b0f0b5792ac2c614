package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// A server that does not let a user subscribe or publish says so by an error that belongs to no
// call: the call itself seems to have worked, and nothing ever comes. So such errors are looked for
// where a subscription is confirmed; at the start, everything is tried that will be needed.

// checkPermissions tries what the bus will do to every kind of subject. Nothing of it is stored or
// delivered to anybody.
func (b *Driver) checkPermissions(ctx context.Context) error {
	const check = "hubbub-check"
	n, inbox := b.names, b.main.NewInbox()
	before := map[*nats.Conn]error{b.main: b.main.LastError(), b.liveConn: b.liveConn.LastError()}
	for c, subjects := range map[*nats.Conn][]string{
		b.liveConn: {n.live + "0." + check, n.livePersonal(), n.probe + check, "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED." + n.stream},
		b.main:     {n.channel + check, n.rpc + check, n.member + check, inbox},
	} {
		for _, s := range subjects {
			sub, err := c.SubscribeSync(s)
			if err != nil {
				return fmt.Errorf("subscribe: %w", err)
			}
			if err := sub.Unsubscribe(); err != nil {
				return fmt.Errorf("subscribe: %w", err)
			}
		}
	}
	for _, s := range []string{
		n.live + "0." + check, n.channel + check, n.rpc + check, n.member + check, n.probe + check, inbox,
		n.log + "0." + check, n.fence, n.dead + check, n.again + check + ".0", n.moving + "0." + check, n.moved + "0." + check,
		"$KV." + n.stateBucket() + "." + check,
	} {
		// The header has streams refuse it.
		if err := b.main.PublishMsg(&nats.Msg{Subject: s, Header: nats.Header{nats.ExpectedStreamHdr: {check}}}); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	for _, c := range []*nats.Conn{b.main, b.liveConn} {
		if err := flush(ctx, c, before[c]); err != nil {
			return err // of permissions: Open explains it
		}
	}
	return nil
}

// flush returns when the server has taken everything that was sent before, or an error if it did
// not let us: one that is another than before, the connection's last error when the caller began to
// send.
func flush(ctx context.Context, c *nats.Conn, before error) error {
	if err := c.FlushWithContext(ctx); err != nil {
		return err
	}
	if err := c.LastError(); err != before && errors.Is(err, nats.ErrPermissionViolation) { //nolint:errorlint // whether it is the same one
		return err
	}
	return nil
}

// refused notes that the server does not let us do something.
func (b *Driver) refused(err error) {
	b.denial.CompareAndSwap(nil, &err)
	b.abort() // the start: it would wait for an answer that never comes
	b.appends.refused(err)
}

// permissions says what to do about it.
func (b *Driver) permissions(err error) error {
	p := strings.TrimSuffix(b.names.fence, "fence")
	return fmt.Errorf("NATS at %s does not let this user do what Hubbub needs: allow it to publish to %s> $JS.API.> $JS.FC.> $KV.%s.> _INBOX.> and to subscribe to %s> _INBOX.> $JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.%s: %w",
		b.where(), p, b.names.stateBucket(), p, b.names.stream, err)
}

// refused notes the reason with the appends that the server did not let us publish.
func (a *appender) refused(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.inFlight {
		if strings.Contains(err.Error(), `"`+p.msg.Subject+`"`) {
			p.why = err
		}
	}
}
