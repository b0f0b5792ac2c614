package history

import "hubbub.internal/libs/chat"

// Limits of a list of pins.
const (
	DefaultPins = 25
	MaxPins     = 100
)

// PinsRequest asks for the pinned messages of a room, the one that was pinned last first. The
// caller has checked that the user may read the room.
type PinsRequest struct {
	User   string `json:"user,omitempty"` // who asks, as in PageRequest
	Room   string `json:"room"`
	Before uint64 `json:"before,omitempty"` // only pins before this seq; 0: all
	Limit  int    `json:"limit,omitempty"`  // 1 to MaxPins; 0: DefaultPins
}

// Pins answers PinsRequest.
type Pins struct {
	Pins []Pin `json:"pins" nullable:"false" doc:"The one that was pinned last first."`
	More bool  `json:"more" doc:"There are more: ask again with the seq of the last pin as before."`
}

// Pin is a pinned message.
type Pin struct {
	Seq     uint64       `json:"seq" doc:"Of the pin."`
	User    string       `json:"user" doc:"Id of the user who pinned it."`
	Name    string       `json:"name" doc:"That user's name at the time."`
	TS      int64        `json:"ts" doc:"When it was pinned, in UTC milliseconds."`
	Message chat.Message `json:"message" doc:"As it is now."`
}
