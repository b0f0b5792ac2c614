package directory

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/retention"
)

// The services with which history keeps to the rules of retention.
const (
	ServiceRetention = "directory.retention" // RetentionRequest to Retention
	ServiceRemoved   = "directory.removed"   // RemovedRequest to RemovedReply
)

// MaxRetention is of how many rooms a RetentionRequest asks at most.
const MaxRetention = 100

// RetentionRequest asks how long messages of rooms are kept.
type RetentionRequest struct {
	Rooms []string `json:"rooms"`
}

// Retention answers RetentionRequest: of those of the rooms that there are, and where messages are
// removed at all.
type Retention struct {
	Rooms map[string]retention.Effect `json:"rooms,omitempty"`
}

// RemovedRequest says what retention has removed in a room, for the audit log.
type RemovedRequest struct {
	Room     string `json:"room"`
	Rule     string `json:"rule"`     // in words
	Messages int64  `json:"messages"` // how many
	Through  uint64 `json:"through"`  // the Seq through which they are gone
}

// RemovedReply says that it is written down.
type RemovedReply struct{}

// Retention returns how long messages of rooms are kept.
func (c *Client) Retention(ctx context.Context, rooms []string) (map[string]retention.Effect, error) {
	out, err := api.Call[RetentionRequest, Retention](ctx, c.rpc, ServiceRetention, RetentionRequest{rooms})
	return out.Rooms, err
}

// Removed writes into the audit log what retention has removed.
func (c *Client) Removed(ctx context.Context, r RemovedRequest) error {
	_, err := api.Call[RemovedRequest, RemovedReply](ctx, c.rpc, ServiceRemoved, r)
	return err
}
