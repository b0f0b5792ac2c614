package history

import "hubbub.internal/libs/chat"

// Limits of a list of threads.
const (
	DefaultThreads = 25
	MaxThreads     = 100
)

// ThreadsRequest asks for the threads of a room, the one with the last answer first. The caller has
// checked that the user may read the room.
type ThreadsRequest struct {
	User string `json:"user,omitempty"` // who asks, as in PageRequest
	Room string `json:"room"`
	// only threads whose last answer is before this seq; 0: all
	Before uint64 `json:"before,omitempty"`
	Limit  int    `json:"limit,omitempty"` // 1 to MaxThreads; 0: DefaultThreads
}

// Threads answers ThreadsRequest.
type Threads struct {
	Threads []RoomThread `json:"threads" nullable:"false" doc:"The one with the last answer first."`
	More    bool         `json:"more" doc:"There are more: ask again with the last of the last thread's replies as before."`
}

// RoomThread is a thread of a room.
type RoomThread struct {
	Author  string        `json:"author" doc:"Id of the user who sent the root."`
	ID      string        `json:"id" doc:"Id of the root."`
	Root    *chat.Message `json:"root,omitempty" doc:"The root; left out: there is no such message."`
	Replies chat.Replies  `json:"replies"`
}
