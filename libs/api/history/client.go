package history

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
)

// Client asks the history service over the bus. Errors have a *chat.Error in their chain. It is
// safe for concurrent use.
type Client struct{ rpc bus.RPC }

// NewClient returns a client.
func NewClient(rpc bus.RPC) *Client { return &Client{rpc} }

// Page returns messages of a room.
func (c *Client) Page(ctx context.Context, r PageRequest) (Page, error) {
	return api.Call[PageRequest, Page](ctx, c.rpc, ServicePage, r)
}

// Since returns log entries of a room after a position.
func (c *Client) Since(ctx context.Context, r SinceRequest) (Since, error) {
	return api.Call[SinceRequest, Since](ctx, c.rpc, ServiceSince, r)
}

// Apply has an edit, delete, react or pin checked against the record and appended to the log.
func (c *Client) Apply(ctx context.Context, r ApplyRequest) (Applied, error) {
	return api.Call[ApplyRequest, Applied](ctx, c.rpc, ServiceApply, r)
}

// Read remembers how far a user has read a room.
func (c *Client) Read(ctx context.Context, r ReadRequest) (ReadReply, error) {
	return api.Call[ReadRequest, ReadReply](ctx, c.rpc, ServiceRead, r)
}

// Sent says whether a message is in the log already, with everything that was acknowledged before
// the call.
func (c *Client) Sent(ctx context.Context, r SentRequest) (Sent, error) {
	return api.Call[SentRequest, Sent](ctx, c.rpc, ServiceSent, r)
}
