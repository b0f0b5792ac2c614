package natsbus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
)

// subscribeProbes subscribes one connection to the messages that Probe sends over the other.
func (b *Driver) subscribeProbes() error {
	b.probe = b.names.probe + nats.NewInbox()[len(nats.InboxPrefix):]
	_, err := b.liveConn.Subscribe(b.probe, func(m *nats.Msg) { b.host.Returned(string(m.Data)) })
	if err != nil {
		return fmt.Errorf("subscribe to probes: %w", err)
	}
	return b.liveConn.Flush()
}

// Probe implements driver.Live.
func (b *Driver) Probe(_ context.Context, token string) (int, error) {
	return 1, b.main.Publish(b.probe, []byte(token))
}
