package wire

import (
	"bytes"
	"errors"
	"strconv"

	"hubbub.internal/libs/chat"
)

// The Append functions append one event's frame to dst and return the extended slice; they allocate
// nothing when dst has room. They leave out an empty id. Ids go into the frame unescaped: they were
// checked on arrival. A parameter called ...JSON or ...Literal is already JSON, and must be valid.

// ErrNotObject is returned for JSON that should go into an event and is not a JSON object.
var ErrNotObject = errors.New("not a JSON object")

// MaxEvent is the greatest size of an event's frame, in bytes. What the bus carries (bus.MaxData),
// together with what the edge adds, is well below: a client's library is configured with one
// number, which has to hold for later releases, too.
const MaxEvent = 1 << 20

// Limits are the limits that an edge sends in welcome. A client sees 0 for those that an earlier
// release does not send.
type Limits struct {
	Frame   int `json:"frame"`             // bytes of one frame of the client's
	Text    int `json:"text"`              // bytes of UTF-8 of one text
	Rooms   int `json:"rooms"`             // rooms joined by one socket
	Rate    int `json:"rate"`              // commands per second on average
	Burst   int `json:"burst,omitempty"`   // commands at once
	Pending int `json:"pending,omitempty"` // sends that are not acknowledged yet
	// bytes of one frame of the server's: MaxEvent of its release
	Event int `json:"event,omitempty"`
	// rooms of one join: MaxJoins of the edge's release; 0: one at a time
	Joins int `json:"joins,omitempty"`
}

// Welcome is an edge's answer to hello.
type Welcome struct {
	User    string
	Name    string
	Session string
	Limits  Limits
	PingMS  int   // milliseconds of silence after which the edge pings
	TS      int64 // UTC milliseconds
}

// AppendWelcome appends the answer to hello.
func AppendWelcome[I Bytes](dst []byte, id I, w *Welcome) []byte {
	dst = appendID(append(dst, `{"type":"welcome"`...), id)
	dst = append(dst, `,"version":`...)
	dst = strconv.AppendInt(dst, Version, 10)
	dst = appendField(dst, `,"user":`, w.User)
	dst = AppendQuoted(append(dst, `,"name":`...), w.Name)
	dst = appendField(dst, `,"session":`, w.Session)
	dst = appendInt(dst, `,"limits":{"frame":`, int64(w.Limits.Frame))
	dst = appendInt(dst, `,"text":`, int64(w.Limits.Text))
	dst = appendInt(dst, `,"rooms":`, int64(w.Limits.Rooms))
	dst = appendInt(dst, `,"rate":`, int64(w.Limits.Rate))
	dst = appendInt(dst, `,"burst":`, int64(w.Limits.Burst))
	dst = appendInt(dst, `,"pending":`, int64(w.Limits.Pending))
	dst = appendInt(dst, `,"event":`, int64(w.Limits.Event))
	dst = appendInt(dst, `,"joins":`, int64(w.Limits.Joins))
	dst = appendInt(dst, `},"ping_ms":`, int64(w.PingMS))
	dst = appendInt(dst, `,"ts":`, w.TS)
	return append(dst, '}')
}

// AppendJoined appends the answer to join: the client has the room through seq.
func AppendJoined[I, R Bytes](dst []byte, id I, room R, seq uint64, more, rewind bool) []byte {
	dst = appendID(append(dst, `{"type":"joined"`...), id)
	dst = appendField(dst, `,"room":`, room)
	dst = appendUint(dst, `,"seq":`, seq)
	if more {
		dst = append(dst, `,"more":true`...)
	}
	if rewind {
		dst = append(dst, `,"rewind":true`...)
	}
	return append(dst, '}')
}

// AppendAck appends the answer to a command whose result is only its success.
func AppendAck[I Bytes](dst []byte, id I) []byte {
	return append(appendID(append(dst, `{"type":"ack"`...), id), '}')
}

// AppendSeqAck appends the answer to edit, delete, react and pin.
func AppendSeqAck[I Bytes](dst []byte, id I, seq uint64) []byte {
	dst = appendID(append(dst, `{"type":"ack"`...), id)
	return append(appendUint(dst, `,"seq":`, seq), '}')
}

// AppendSendAck appends the answer to send. A seq of 0 says that the text was a command and is not
// stored.
func AppendSendAck[I, M, R Bytes](dst []byte, id I, msgID M, room R, seq uint64, ts int64) []byte {
	dst = appendID(append(dst, `{"type":"ack"`...), id)
	dst = appendField(dst, `,"msg_id":`, msgID)
	dst = appendField(dst, `,"room":`, room)
	if seq > 0 {
		dst = appendUint(dst, `,"seq":`, seq)
	}
	dst = appendInt(dst, `,"ts":`, ts)
	return append(dst, '}')
}

// AppendError appends the answer to a command that failed. msgID and room are those of a send, else
// empty.
func AppendError[I, M, R Bytes](dst []byte, id I, e *chat.Error, msgID M, room R) []byte {
	dst = appendID(append(dst, `{"type":"error"`...), id)
	dst = AppendQuoted(append(dst, `,"code":`...), e.Code)
	dst = AppendQuoted(append(dst, `,"message":`...), e.Message)
	if e.RetryAfter > 0 {
		dst = appendInt(dst, `,"retry_after_ms":`, max(1, e.RetryAfter.Milliseconds()))
	}
	if len(msgID) > 0 {
		dst = appendField(dst, `,"msg_id":`, msgID)
	}
	if len(room) > 0 {
		dst = appendField(dst, `,"room":`, room)
	}
	return append(dst, '}')
}

// AppendTyping appends the event that a user is typing.
func AppendTyping[R, U Bytes](dst []byte, room R, user U, nameLiteral []byte) []byte {
	dst = appendField(append(dst, `{"type":"typing"`...), `,"room":`, room)
	dst = appendField(dst, `,"user":`, user)
	dst = append(append(dst, `,"name":`...), nameLiteral...)
	return append(dst, '}')
}

// AppendRead appends the event that a user has read a room through seq.
func AppendRead[R, U Bytes](dst []byte, room R, user U, seq uint64) []byte {
	dst = appendField(append(dst, `{"type":"read"`...), `,"room":`, room)
	dst = appendField(dst, `,"user":`, user)
	return append(appendUint(dst, `,"seq":`, seq), '}')
}

// AppendPresence appends a change of who is online. changedJSON is the object
// {"users":[…],"count":…} that the presence service publishes.
func AppendPresence[R Bytes](dst []byte, room R, changedJSON []byte) ([]byte, error) {
	return splice(dst, `{"type":"presence"`, "", room, changedJSON)
}

// AppendWho appends the answer to who. whoJSON is the object {"count":…,"users":[…]} that the
// presence service returned.
func AppendWho[I, R Bytes](dst []byte, id I, room R, whoJSON []byte) ([]byte, error) {
	return splice(dst, `{"type":"who"`, id, room, whoJSON)
}

// AppendHistory appends the answer to history. pageJSON is the object {"messages":[…],"more":…}
// that history returned.
func AppendHistory[I, R Bytes](dst []byte, id I, room R, pageJSON []byte) ([]byte, error) {
	return splice(dst, `{"type":"history"`, id, room, pageJSON)
}

// AppendInbox appends the answer to inbox. inboxJSON is the object {"rooms":[…],"next":…} that
// history returned.
func AppendInbox[I Bytes](dst []byte, id I, inboxJSON []byte) ([]byte, error) {
	return splice(dst, `{"type":"inbox"`, id, "", inboxJSON)
}

// AppendNotice appends a notice for one socket alone. usersJSON is a list of users, of whom there
// are count, or empty.
func AppendNotice[I, R Bytes](dst []byte, id I, room R, code, text string, count int, usersJSON []byte) []byte {
	dst = appendID(append(dst, `{"type":"notice"`...), id)
	dst = appendField(dst, `,"room":`, room)
	dst = AppendQuoted(append(dst, `,"code":`...), code)
	dst = AppendQuoted(append(dst, `,"text":`...), text)
	if len(usersJSON) > 0 {
		dst = appendInt(dst, `,"count":`, int64(count))
		dst = append(append(dst, `,"users":`...), usersJSON...)
	}
	return append(dst, '}')
}

// AppendBye appends the last event before a close with the code. It leaves out a retryAfterMS of 0.
// The frame has the close code twice: as close_code, and for the clients of earlier releases as
// code, which in all other events is a word.
func AppendBye(dst []byte, code CloseCode, message string, retryAfterMS int64) []byte {
	dst = appendInt(append(dst, `{"type":"bye"`...), `,"close_code":`, int64(code))
	dst = appendInt(dst, `,"code":`, int64(code))
	dst = AppendQuoted(append(dst, `,"message":`...), message)
	if retryAfterMS > 0 {
		dst = appendInt(dst, `,"retry_after_ms":`, retryAfterMS)
	}
	return append(dst, '}')
}

// AppendMsgEntry appends the log entry of a message: what chat.AppendEntry makes of the same event,
// in meaning. The text, what the message answers and the thread that it is in are those of the
// command, nameLiteral is the sender's name through AppendQuoted.
func AppendMsgEntry[R, I, U Bytes](dst []byte, room R, id I, user U, nameLiteral []byte, ts int64, c *Command) []byte {
	dst = append(append(dst, chat.EntryVersion), `{"type":"msg"`...)
	dst = appendField(dst, `,"room":`, room)
	dst = appendField(dst, `,"id":`, id)
	dst = appendField(dst, `,"user":`, user)
	dst = append(append(dst, `,"name":`...), nameLiteral...)
	dst = appendInt(dst, `,"ts":`, ts)
	dst = append(append(dst, `,"text":`...), c.Text...)
	if len(c.ReplyTo) > 0 {
		dst = appendField(dst, `,"reply_to":`, c.ReplyTo)
		if len(c.ReplyAuthor) > 0 {
			dst = appendField(dst, `,"reply_author":`, c.ReplyAuthor)
		}
	}
	if len(c.ThreadID) > 0 {
		dst = appendField(dst, `,"thread":{"author":`, c.ThreadAuthor)
		dst = append(appendField(dst, `,"id":`, c.ThreadID), '}')
		if c.Broadcast {
			dst = append(dst, `,"broadcast":true`...)
		}
	}
	return append(dst, '}')
}

func appendID[I Bytes](dst []byte, id I) []byte {
	if len(id) == 0 {
		return dst
	}
	return appendField(dst, `,"id":`, id)
}

// appendField appends a string that needs no escapes.
func appendField[S Bytes](dst []byte, name string, s S) []byte {
	dst = append(append(dst, name...), '"')
	return append(append(dst, s...), '"')
}

func appendInt(dst []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(dst, name...), n, 10)
}

func appendUint(dst []byte, name string, n uint64) []byte {
	return strconv.AppendUint(append(dst, name...), n, 10)
}

// splice appends an event that continues with the fields of object. It leaves out an empty room.
func splice[I, R Bytes](dst []byte, start string, id I, room R, object []byte) ([]byte, error) {
	object = bytes.TrimSpace(object)
	if len(object) < 2 || object[0] != '{' || object[len(object)-1] != '}' {
		return dst, ErrNotObject
	}
	dst = appendID(append(dst, start...), id)
	if len(room) > 0 {
		dst = appendField(dst, `,"room":`, room)
	}
	if object = bytes.TrimSpace(object[1:]); object[0] != '}' {
		dst = append(dst, ',')
	}
	return append(dst, object...), nil
}
