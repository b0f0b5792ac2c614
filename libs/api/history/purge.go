package history

import (
	"context"

	"hubbub.internal/libs/api"
)

// The services that remove much at once. They answer when the request is kept: the work is done in
// the background, and goes on after a crash.
const (
	ServicePurge  = "history.purge"  // PurgeRequest to PurgeReply
	ServiceForget = "history.forget" // ForgetRequest to ForgetReply
)

// PurgeRequest asks history to delete the messages of one user, in a room or in all, newest first:
// each as a moderator of the room would, so that clients see them go and their texts leave the
// record and the log. Those count that were sent before the request, and in the ten seconds after
// it, since clocks differ.
type PurgeRequest struct {
	// ID names the request: a repeat asks for nothing new. It is an id (chat.ValidID) that no other
	// request has.
	ID   string `json:"id"`
	Room string `json:"room,omitempty"` // empty: everywhere
	User string `json:"user"`           // whose messages
	// only messages of this time and later, in UTC milliseconds; 0: all
	After int64 `json:"after"`
	// id of the user who deletes them, as their deletions say; it may be the user
	Actor string `json:"actor"`
	Name  string `json:"name"` // of the actor
}

// PurgeReply says that the messages will be deleted.
type PurgeReply struct{}

// ForgetRequest asks history to remove all that it and the log have of a room. Nobody may be able
// to write to the room any more, nor again.
type ForgetRequest struct {
	Room string `json:"room"`
}

// ForgetReply says that the room will be forgotten.
type ForgetReply struct{}

// Purge has the messages of a user deleted; see PurgeRequest.
func (c *Client) Purge(ctx context.Context, r PurgeRequest) error {
	_, err := api.Call[PurgeRequest, PurgeReply](ctx, c.rpc, ServicePurge, r)
	return err
}

// Forget has a room forgotten; see ForgetRequest.
func (c *Client) Forget(ctx context.Context, room string) error {
	_, err := api.Call[ForgetRequest, ForgetReply](ctx, c.rpc, ServiceForget, ForgetRequest{Room: room})
	return err
}
