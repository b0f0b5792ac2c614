package presence

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
)

// Client asks the presence service. It is safe for concurrent use.
type Client struct{ rpc bus.RPC }

// NewClient returns a client that asks over r.
func NewClient(r bus.RPC) *Client { return &Client{rpc: r} }

// Who returns who is online in a room over all edges. The caller has checked that the asker may
// read the room. Errors have a *chat.Error in their chain; CodeUnavailable where no replica is
// ready.
func (c *Client) Who(ctx context.Context, req WhoRequest) (Who, error) {
	return api.Call[WhoRequest, Who](ctx, c.rpc, ServiceWho, req)
}

// Hidden returns those of some users, at most MaxLimit, who are connected and invisible.
func (c *Client) Hidden(ctx context.Context, users []string) ([]string, error) {
	hidden, err := api.Call[HiddenRequest, Hidden](ctx, c.rpc, ServiceHidden, HiddenRequest{Users: users})
	return hidden.Users, err
}

// User returns the presence of a user as others see it. The caller has checked that the asker may
// see the user.
func (c *Client) User(ctx context.Context, req UserRequest) (User, error) {
	return api.Call[UserRequest, User](ctx, c.rpc, ServiceUser, req)
}

// Active returns which of some users, at most MaxLimit, are using a device or do not want to be
// disturbed.
func (c *Client) Active(ctx context.Context, users []string) (Active, error) {
	return api.Call[ActiveRequest, Active](ctx, c.rpc, ServiceActive, ActiveRequest{Users: users})
}
