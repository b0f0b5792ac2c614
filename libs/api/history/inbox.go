package history

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/chat"
)

// The services that say what is new to a user, and change that.
const (
	ServiceInbox = "history.inbox" // InboxRequest to Inbox
	ServiceMark  = "history.mark"  // MarkRequest to MarkReply
)

// MaxInbox is how many rooms one Inbox has at most.
const MaxInbox = 500

// InboxRequest asks what is new in the rooms of a user, by their ids. The caller has authenticated
// the user; history asks the directory for the rooms.
type InboxRequest struct {
	User  string `json:"user"`
	Room  string `json:"room,omitempty"`  // this one alone
	Next  string `json:"next,omitempty"`  // Next of the answer before
	Limit int    `json:"limit,omitempty"` // 1 to MaxInbox; 0: MaxInbox
	// Mentioned: the answer says when the last mention in each room was.
	Mentioned bool `json:"mentioned,omitempty"`
}

// Inbox answers InboxRequest.
type Inbox struct {
	Rooms []chat.InboxRoom `json:"rooms" nullable:"false" doc:"By their ids."`
	Next  string           `json:"next,omitempty" doc:"There are more: ask again with it as next."`
	// In the answer to a request without Room and Next.
	Threads     []chat.InboxThread `json:"threads,omitempty" nullable:"false" doc:"The threads that you follow and that have something new, those with the last answer first; at most 50."`
	MoreThreads bool               `json:"more_threads,omitempty" doc:"There are more of those: see GET /v1/threads."`
}

// MarkRequest changes how far a user has read, otherwise than by reading on (ReadRequest), and
// tells the user's devices. The caller has checked that the user may read the room.
type MarkRequest struct {
	User string `json:"user"`
	Room string `json:"room,omitempty"` // empty: all rooms of the user
	// Unread: the message at Seq and what follows are unread again. Else the room is read through
	// Seq.
	Unread bool   `json:"unread,omitempty"`
	Seq    uint64 `json:"seq,omitempty"` // 0: everything in the room, or in all rooms and threads
}

// MarkReply answers MarkRequest.
type MarkReply struct{}

// Inbox returns what is new in the rooms of a user.
func (c *Client) Inbox(ctx context.Context, r InboxRequest) (Inbox, error) {
	return api.Call[InboxRequest, Inbox](ctx, c.rpc, ServiceInbox, r)
}

// Mark changes how far a user has read.
func (c *Client) Mark(ctx context.Context, r MarkRequest) error {
	_, err := api.Call[MarkRequest, MarkReply](ctx, c.rpc, ServiceMark, r)
	return err
}
