package directory

import (
	"context"
	"encoding/json"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
)

// Client asks the directory service over the bus. Errors have a *chat.Error in their chain. It is
// safe for concurrent use.
type Client struct{ rpc bus.RPC }

// NewClient returns a client.
func NewClient(rpc bus.RPC) *Client { return &Client{rpc} }

// Access returns what a user may do in a room, from the directory's store. Cache is for whoever
// asks often.
func (c *Client) Access(ctx context.Context, user, room string) (Access, error) {
	return api.Call[AccessRequest, Access](ctx, c.rpc, ServiceAccess, AccessRequest{User: user, Room: room})
}

// Ask returns nil if a message may be sent where Access.Ask is set.
func (c *Client) Ask(ctx context.Context, user, room, id string) error {
	_, err := api.Call[AskRequest, AskReply](ctx, c.rpc, ServiceAsk, AskRequest{User: user, Room: room, ID: id})
	return err
}

// Keys returns the JSON Web Key Set of the keys that tokens are signed with; it is what
// auth.NewVerifier asks for.
func (c *Client) Keys(ctx context.Context) ([]byte, error) {
	return api.Call[KeysRequest, json.RawMessage](ctx, c.rpc, ServiceKeys, KeysRequest{})
}

// Saw tells when users were last connected; it may be repeated.
func (c *Client) Saw(ctx context.Context, seen []Seen) error {
	_, err := api.Call[SawRequest, SawReply](ctx, c.rpc, ServiceSaw, SawRequest{Seen: seen})
	return err
}

// Seen returns when a user was last connected, in UTC milliseconds, as far as asker may know; 0:
// never, or that may not be known.
func (c *Client) Seen(ctx context.Context, asker, user string) (int64, error) {
	seen, err := api.Call[SeenRequest, Seen](ctx, c.rpc, ServiceSeen, SeenRequest{User: user, Asker: asker})
	return seen.At, err
}

// Departed returns which of at most MaxDeparted users have deleted their accounts.
func (c *Client) Departed(ctx context.Context, users []string) ([]string, error) {
	r, err := api.Call[DepartedRequest, DepartedReply](ctx, c.rpc, ServiceDeparted, DepartedRequest{Users: users})
	return r.Departed, err
}

// Sessions returns which of at most MaxSessions sessions have ended, by index.
func (c *Client) Sessions(ctx context.Context, sessions []Session) (ended []int, err error) {
	r, err := api.Call[SessionsRequest, SessionsReply](ctx, c.rpc, ServiceSessions, SessionsRequest{Sessions: sessions})
	return r.Ended, err
}
