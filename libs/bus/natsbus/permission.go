package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// When the server does not permit a user to subscribe or publish, its error belongs to no call: the
// call itself seems to have worked, and nothing ever arrives. So the driver looks for such errors
// where it confirms a subscription, and Open tries everything that will be needed.

// checkPermissions tries every kind of subject that the bus uses. Nothing of it is stored or
// delivered.
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
		// streams refuse a message with this header
		if err := b.main.PublishMsg(&nats.Msg{Subject: s, Header: nats.Header{nats.ExpectedStreamHdr: {check}}}); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	for _, c := range []*nats.Conn{b.main, b.liveConn} {
		if err := flush(ctx, c, before[c]); err != nil {
			return err // a permission error, which Open explains
		}
	}
	return nil
}

// flush returns when the server has processed everything that was sent before. It returns an error
// if the server did not permit it, which is the connection's last error if that is not before any
// more. before is the last error from when the caller began to send.
func flush(ctx context.Context, c *nats.Conn, before error) error {
	if err := c.FlushWithContext(ctx); err != nil {
		return err
	}
	if err := c.LastError(); err != before && errors.Is(err, nats.ErrPermissionViolation) { //nolint:errorlint // whether it is the same error
		return err
	}
	return nil
}

// refused notes that the server does not permit an operation.
func (b *Driver) refused(err error) {
	b.denial.CompareAndSwap(nil, &err)
	b.abort() // Open would wait for an answer that never comes
	b.appends.refused(err)
}

// permissions explains what the operator has to permit.
func (b *Driver) permissions(err error) error {
	p := strings.TrimSuffix(b.names.fence, "fence")
	return fmt.Errorf("NATS at %s does not let this user do what Hubbub needs: allow it to publish to %s> $JS.API.> $JS.FC.> $KV.%s.> _INBOX.> and to subscribe to %s> _INBOX.> $JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.%s: %w",
		b.where(), p, b.names.stateBucket(), p, b.names.stream, err)
}

// refused notes the reason in the appends that the server did not permit.
func (a *appender) refused(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.inFlight {
		if strings.Contains(err.Error(), `"`+p.msg.Subject+`"`) {
			p.why = err
		}
	}
}
