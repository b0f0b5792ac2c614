package natsbus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// Publish implements driver.Live. The driver drops messages while the server is away.
func (b *Driver) Publish(channel string, data []byte) {
	if err := b.main.Publish(b.names.channel+channel, data); err != nil {
		b.metrics.Dropped.Inc()
	}
}

// Listen implements driver.Live.
func (b *Driver) Listen(ctx context.Context, channel string, receive func([]byte)) (func(), error) {
	before := b.main.LastError()
	sub, err := b.main.Subscribe(b.names.channel+channel, func(m *nats.Msg) { receive(m.Data) })
	if err != nil {
		return nil, err
	}
	stop := func() { _ = sub.Unsubscribe() } // fails when the connection is closed
	if err := b.confirm(ctx, before); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// confirm waits until the server has registered a subscription. See flush about before.
func (b *Driver) confirm(ctx context.Context, before error) (denied error) {
	err := b.retry.Do(ctx, "subscribe", func(ctx context.Context) error {
		err := flush(ctx, b.main, before)
		if errors.Is(err, nats.ErrPermissionViolation) {
			denied, err = err, nil // the server does not say it twice
		}
		return err
	})
	return errors.Join(err, denied)
}
