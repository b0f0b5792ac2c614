package history

import (
	"context"
	"encoding/json"

	"hubbub.internal/libs/api"
)

// The services of legal holds. The caller has checked that the user may.
const (
	ServiceHold  = "history.hold"  // Hold to HoldReply: makes one
	ServiceHolds = "history.holds" // HoldsRequest to Holds
	ServiceLift  = "history.lift"  // LiftRequest to Hold; not_found: there is none
	ServiceHeld  = "history.held"  // HeldRequest to Held
)

// Hold keeps what is said in a room, or by a user anywhere, from being removed.
type Hold struct {
	ID      string `json:"id"`
	Room    string `json:"room,omitempty"` // either this
	User    string `json:"user,omitempty"` // or this
	Reason  string `json:"reason"`
	Actor   string `json:"actor,omitempty"` // id of who made it; empty: at a console
	Name    string `json:"name"`            // of the actor, at the time
	Created int64  `json:"created"`         // UTC milliseconds
}

// HoldReply says that the hold is kept: from now on nothing that it is about is lost.
type HoldReply struct{}

// HoldsRequest asks for all holds.
type HoldsRequest struct{}

// Holds answers HoldsRequest: the oldest first.
type Holds struct {
	Holds []Hold `json:"holds"`
}

// LiftRequest ends a hold. What was put aside for it, and for no other, is removed.
type LiftRequest struct {
	ID string `json:"id"`
}

// HeldRequest asks for what was put aside for a hold, after a place.
type HeldRequest struct {
	ID   string `json:"id"`
	Room string `json:"room,omitempty"` // Next of the answer before
	Seq  uint64 `json:"seq,omitempty"`
}

// Held answers HeldRequest, by room and seq.
type Held struct {
	Entries []HeldEntry `json:"entries"`
	More    bool        `json:"more,omitempty"` // there may be more after the last entry
}

// HeldEntry is an entry of a room's log as it was before it was removed or erased.
type HeldEntry struct {
	Room  string          `json:"room"`
	Seq   uint64          `json:"seq"`
	User  string          `json:"user"`
	ID    string          `json:"id"`
	Type  string          `json:"type"`
	Entry json.RawMessage `json:"entry"` // as it was appended
}

// Hold makes a hold.
func (c *Client) Hold(ctx context.Context, h Hold) error {
	_, err := api.Call[Hold, HoldReply](ctx, c.rpc, ServiceHold, h)
	return err
}

// Holds returns all holds.
func (c *Client) Holds(ctx context.Context) ([]Hold, error) {
	out, err := api.Call[HoldsRequest, Holds](ctx, c.rpc, ServiceHolds, HoldsRequest{})
	return out.Holds, err
}

// Lift ends a hold, and returns it.
func (c *Client) Lift(ctx context.Context, id string) (Hold, error) {
	return api.Call[LiftRequest, Hold](ctx, c.rpc, ServiceLift, LiftRequest{id})
}

// Held returns what was put aside for a hold.
func (c *Client) Held(ctx context.Context, r HeldRequest) (Held, error) {
	return api.Call[HeldRequest, Held](ctx, c.rpc, ServiceHeld, r)
}
