package history

import (
	"context"

	"hubbub.internal/libs/api"
)

// ServiceSweep is the service that begins a round of retention: SweepRequest to SweepReply.
const ServiceSweep = "history.sweep"

// SweepRequest says that rules of retention have changed: history keeps to them at once, and not
// only with its next round.
type SweepRequest struct{}

// SweepReply says that it begins.
type SweepReply struct{}

// Sweep asks history to begin a round of retention.
func (c *Client) Sweep(ctx context.Context) error {
	_, err := api.Call[SweepRequest, SweepReply](ctx, c.rpc, ServiceSweep, SweepRequest{})
	return err
}
