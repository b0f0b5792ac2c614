package history

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/chat"
)

// ServiceMine is the service that gives users what they have said: MineRequest to Mine.
const ServiceMine = "history.mine"

// MineRequest asks for the next messages of a user, in all rooms, by room and seq. The caller has
// authenticated the user.
type MineRequest struct {
	User string `json:"user"`
	// Room and Seq are the Next of the answer before; empty: from the beginning.
	Room string `json:"room,omitempty"`
	Seq  uint64 `json:"seq,omitempty"`
}

// Mine is a run of a user's messages, with their present texts; those that were deleted are left
// out. It may be empty and yet not be the last. What was sent in the last moments may be missing.
type Mine struct {
	Messages []chat.Message `json:"messages"`
	Next     *MineNext      `json:"next,omitempty"` // nil: there are no more
	// Saved names what the user has saved, of the first answer alone.
	Saved []SavedName `json:"saved,omitempty"`
}

// MineNext is where the next answer goes on.
type MineNext struct {
	Room string `json:"room"`
	Seq  uint64 `json:"seq"`
}

// Mine returns the next messages of a user.
func (c *Client) Mine(ctx context.Context, r MineRequest) (Mine, error) {
	return api.Call[MineRequest, Mine](ctx, c.rpc, ServiceMine, r)
}
