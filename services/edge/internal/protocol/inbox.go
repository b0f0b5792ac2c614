package protocol

import (
	"context"
	"encoding/json"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/session"
)

// inbox answers what is new in the user's rooms, or in one of them.
func (s *Shard) inbox(slot uint32, c *wire.Command) {
	id := string(c.ID)
	if len(c.Next) > chat.MaxIDLen {
		s.sess.ReplyError(slot, c, errNext)
		return
	}
	req := history.InboxRequest{User: s.sess.User(slot), Room: string(c.Room), Next: string(c.Next)}
	session.Later(s.sess, s.conn.Ref(slot), func(ctx context.Context) (json.RawMessage, error) {
		return api.Call[history.InboxRequest, json.RawMessage](ctx, s.hub.bus, history.ServiceInbox, req)
	}, func(slot uint32, inbox json.RawMessage, err error) {
		s.sess.ReplyRaw(slot, id, err, func(dst []byte) ([]byte, error) { return wire.AppendInbox(dst, id, inbox) })
	})
}

var errNext = chat.E(chat.CodeBadRequest, "inbox: next is the next of an answer")

// mark changes how far the user has read, other than by reading on: unread marks a message, and
// what follows in its room, as unread; seen everything in a room, or in all rooms of the user, as
// read.
func (s *Shard) mark(slot uint32, c *wire.Command) {
	id := string(c.ID)
	req := history.MarkRequest{User: s.sess.User(slot), Room: string(c.Room)}
	if c.Kind == wire.Unread {
		req.Unread, req.Seq = true, c.Seq
	}
	do := func(slot uint32, _ directory.Access) {
		session.Later(s.sess, s.conn.Ref(slot), func(ctx context.Context) (struct{}, error) {
			return struct{}{}, s.hub.rooms.History.Mark(ctx, req)
		}, func(slot uint32, _ struct{}, err error) {
			if err != nil {
				s.sess.ReplyErrorTo(slot, id, err)
				return
			}
			if sub, ok := s.rooms.Member(slot, []byte(req.Room)); ok {
				s.forgetRead(sub)
			}
			s.sess.Ack(slot, []byte(id))
		})
	}
	if req.Room == "" {
		do(slot, directory.Access{})
		return
	}
	s.sess.WithReadable(slot, req.Room, id, do)
}

// forgetRead lets a position be told again that was told before the user has taken it back.
func (s *Shard) forgetRead(sub uint32) {
	if p := s.paces[sub]; p != nil {
		p.seq, p.published = 0, 0
	}
}
