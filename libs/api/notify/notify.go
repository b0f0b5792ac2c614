// Package notify is the notify service as the other services see it.
package notify

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
)

// ServiceTry is served by notify: TryRequest to TryReply.
const ServiceTry = "notify.try"

// TryRequest asks to push something to a device at once, so that its user sees whether that
// arrives.
type TryRequest struct {
	User    string `json:"user"`
	Session string `json:"session"` // whose device it is
}

// TryReply says that the push service has taken it.
type TryReply struct{}

// Client asks the notify service. It is safe for concurrent use.
type Client struct{ rpc bus.RPC }

// NewClient returns a client that asks over r.
func NewClient(r bus.RPC) *Client { return &Client{rpc: r} }

// Try pushes something to a device. Errors have a *chat.Error in their chain: CodeNotFound where
// the log-in has no device, CodeUnavailable where the push service does not take it.
func (c *Client) Try(ctx context.Context, r TryRequest) error {
	_, err := api.Call[TryRequest, TryReply](ctx, c.rpc, ServiceTry, r)
	return err
}
