package wire

import "hubbub.internal/libs/chat"

// Request is a command as a client encodes it, with encoding/json. Fields that PROTOCOL.md does not
// name for the type stay zero.
type Request struct {
	Type        string `json:"type"` // Kind.String
	ID          string `json:"id,omitempty"`
	Version     int    `json:"version,omitempty"`
	Token       string `json:"token,omitempty"`
	Device      string `json:"device,omitempty"`
	Room        string `json:"room,omitempty"`
	MsgID       string `json:"msg_id,omitempty"`
	Text        string `json:"text,omitempty"`
	ReplyTo     string `json:"reply_to,omitempty"`
	ReplyAuthor string `json:"reply_author,omitempty"`
	Retry       bool   `json:"retry,omitempty"`
	Target      string `json:"target,omitempty"`
	Author      string `json:"author,omitempty"`
	Emoji       string `json:"emoji,omitempty"`
	Status      string `json:"status,omitempty"`
	On          *bool  `json:"on,omitempty"`
	Seq         uint64 `json:"seq,omitempty"`
	Before      uint64 `json:"before,omitempty"`
	After       any    `json:"after,omitempty"` // *Position in join, uint64 in history
	Around      uint64 `json:"around,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	// of send and history: the root of a thread
	Thread    chat.Thread `json:"thread,omitzero"`
	Broadcast bool        `json:"broadcast,omitempty"`
	Next      string      `json:"next,omitempty"`
	// of join: instead of Room and After
	Rooms []RoomJoin `json:"rooms,omitempty"`
}

// RoomJoin is the join of one room among several of one command. ID is the request id that its
// answer repeats.
type RoomJoin struct {
	ID    string    `json:"id,omitempty"`
	Room  string    `json:"room"`
	After *Position `json:"after,omitempty"`
}

// Position is a place in a room's log, as join names it: the seq of the last event that the client
// has, and its id. The id is empty where the client knows a seq only from joined.
type Position struct {
	Seq uint64 `json:"seq"`
	ID  string `json:"id,omitempty"`
}
