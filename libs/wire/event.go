package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"hubbub.internal/libs/chat"
)

// The types of the events that are not entries of a room's log; chat has the constants of those.
const (
	EventWelcome  = "welcome"
	EventJoined   = "joined"
	EventAck      = "ack"
	EventError    = "error"
	EventTyping   = "typing"
	EventRead     = "read"
	EventPresence = "presence"
	EventWho      = "who"
	EventHistory  = "history"
	EventNotice   = "notice"
	EventBye      = "bye"
	EventInbox    = "inbox"
)

// Event is an event as a client decodes it. Which fields are set depends on Type; see PROTOCOL.md.
// ID is the id of a log entry, and in a reply the id of the request.
type Event struct {
	chat.Event
	MsgID string `json:"msg_id,omitempty"`

	Version int     `json:"version,omitempty"`
	Session string  `json:"session,omitempty"`
	Limits  *Limits `json:"limits,omitempty"`
	PingMS  int     `json:"ping_ms,omitempty"`

	More   bool `json:"more,omitempty"`
	Rewind bool `json:"rewind,omitempty"`

	Code Code `json:"code,omitempty"` // of a bye: see Closing
	// of a bye; 0 in that of an earlier release
	CloseCode    CloseCode `json:"close_code,omitempty"`
	Message      string    `json:"message,omitempty"`
	RetryAfterMS int64     `json:"retry_after_ms,omitempty"`

	Users []Person `json:"users,omitempty"`
	Count int      `json:"count,omitempty"`
	Next  string   `json:"next,omitempty"` // of who: where the list of people goes on
	// of who: people who left moments ago, with their last status
	Going []Person `json:"going,omitempty"`
	// people of Going whom no presence event names for so long are back
	GoingMS  int64          `json:"going_ms,omitempty"`
	Messages []chat.Message `json:"messages,omitempty"`
	// of a history of a thread: its root; nil: there is no such message
	Root *chat.Message `json:"root,omitempty"`
	// of an inbox; Next says that there are more
	Rooms       []chat.InboxRoom   `json:"rooms,omitempty"`
	Threads     []chat.InboxThread `json:"threads,omitempty"`
	MoreThreads bool               `json:"more_threads,omitempty"`
}

// Person is a user in presence, who and notice.
type Person struct {
	User   string `json:"user"`
	Name   string `json:"name"`
	Status string `json:"status"`
}

// Closing returns the close code that a bye announces: its close_code or, in one of an earlier
// release, its code. It returns 0 for an event that announces none.
func (e *Event) Closing() CloseCode {
	if e.Type != EventBye || e.CloseCode != 0 {
		return e.CloseCode
	}
	return e.Code.Close()
}

// Code is the code of an error or a notice, or in a bye the close code, which is a number in JSON.
type Code string

// UnmarshalJSON takes a string or an integer.
func (c *Code) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(c))
	}
	n, err := strconv.ParseUint(string(b), 10, 16)
	if err != nil {
		return fmt.Errorf("code is neither a string nor a close code: %w", err)
	}
	*c = Code(strconv.FormatUint(n, 10))
	return nil
}

// MarshalJSON writes a close code as a number, anything else as a string.
func (c Code) MarshalJSON() ([]byte, error) {
	if n := c.Close(); n != 0 {
		return strconv.AppendUint(nil, uint64(n), 10), nil
	}
	return json.Marshal(string(c))
}

// Close returns the close code of a bye, and 0 for any other Code.
func (c Code) Close() CloseCode {
	n, err := strconv.ParseUint(string(c), 10, 16)
	if err != nil {
		return 0
	}
	return CloseCode(n)
}

// Logged reports whether the event is an entry of its room's log, even if this release does not
// know its type.
func (e *Event) Logged() bool {
	switch e.Type {
	case EventWelcome, EventJoined, EventAck, EventError, EventTyping, EventRead, EventPresence, EventWho, EventHistory,
		EventNotice, EventBye, EventInbox:
		return false
	}
	return e.Seq > 0 && e.Room != "" && e.ID != ""
}

// Err returns the error of an error event, and nil for any other.
func (e *Event) Err() error {
	if e.Type != EventError {
		return nil
	}
	return &chat.Error{
		Code: string(e.Code), Message: e.Message, RetryAfter: time.Duration(e.RetryAfterMS) * time.Millisecond,
	}
}
