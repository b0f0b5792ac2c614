package client

import (
	"context"
	"net/http"
	"net/url"

	"hubbub.internal/libs/chat"
)

// Post is a message to be sent over HTTP.
type Post struct {
	// ID names the message: a repeat with the same ID is answered with the place of the first, and
	// delivered to nobody. Empty: Post makes one, and the message cannot be repeated.
	ID      string
	Text    string
	ReplyTo Name // zero: not a reply
	// as those of Message
	Thread    Name
	Broadcast bool
	// First says that no earlier attempt with this ID can have reached the server, so that it need
	// not look for one.
	First bool
}

// Posted is the place of a message that was sent over HTTP.
type Posted struct {
	Room string `json:"room"`
	ID   string `json:"id"`
	User string `json:"user"`
	Seq  uint64 `json:"seq"`
	TS   int64  `json:"ts"` // UTC milliseconds
}

// Post sends a message over HTTP, for programs that need no connection otherwise. An error with a
// code other than unavailable and internal says that this attempt sent nothing. After any other
// error, send it again, with the same ID.
func (s *Session) Post(ctx context.Context, room string, m Post) (p Posted, err error) {
	body := map[string]any{"text": m.Text}
	if m.ID != "" {
		body["msg_id"] = m.ID
		if m.First {
			body["retry"] = false
		}
	}
	if m.ReplyTo != (Name{}) {
		body["reply_to"], body["reply_author"] = m.ReplyTo.ID, m.ReplyTo.User
	}
	if m.Thread != (Name{}) {
		body["thread"] = m.Thread.thread()
	}
	if m.Broadcast {
		body["broadcast"] = true
	}
	err = s.call(ctx, http.MethodPost, roomPath(room, "messages"), body, &p)
	return p, err
}

// EditMessage gives one of the user's own messages a new text, over HTTP, and returns the seq of
// the edited event. Repeating it changes nothing; the same holds for the methods below.
func (s *Session) EditMessage(ctx context.Context, room, id, text string) (seq uint64, err error) {
	body := map[string]string{"text": text, "msg_id": chat.NewID()}
	return s.amend(ctx, http.MethodPatch, messagePath(room, Name{User: s.User().ID, ID: id}), body)
}

// DeleteMessage removes a message's content, over HTTP.
func (s *Session) DeleteMessage(ctx context.Context, room string, m Name) (seq uint64, err error) {
	return s.amend(ctx, http.MethodDelete, messagePath(room, m), nil)
}

// ReactToMessage puts an emoji on a message, or takes it back, over HTTP.
func (s *Session) ReactToMessage(ctx context.Context, room string, m Name, emoji string, on bool) (seq uint64, err error) {
	return s.amend(ctx, putOrDelete(on), messagePath(room, m)+"/reactions/"+url.PathEscape(emoji), nil)
}

// PinMessage pins a message, or unpins it, over HTTP.
func (s *Session) PinMessage(ctx context.Context, room string, m Name, on bool) (seq uint64, err error) {
	return s.amend(ctx, putOrDelete(on), messagePath(room, m)+"/pin", nil)
}

func (s *Session) amend(ctx context.Context, method, path string, body any) (uint64, error) {
	var reply struct{ Seq uint64 }
	err := s.call(ctx, method, path, body, &reply)
	return reply.Seq, err
}

func messagePath(room string, m Name) string {
	return roomPath(room, "messages/"+url.PathEscape(m.User)+"/"+url.PathEscape(m.ID))
}

func putOrDelete(on bool) string {
	if on {
		return http.MethodPut
	}
	return http.MethodDelete
}
