package protocol

import (
	"context"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/sends"
	"hubbub.internal/services/edge/internal/session"
)

// eventOf names the events that the commands become.
var eventOf = map[wire.Kind]string{
	wire.Edit: chat.TypeEdited, wire.Delete: chat.TypeDeleted, wire.React: chat.TypeReacted, wire.Pin: chat.TypePinned,
}

// amendMessage asks history for an edit, delete, react or pin, which it checks against the record
// and appends.
func (s *Shard) amendMessage(slot uint32, c *wire.Command) {
	if _, ok := s.member(slot, c); !ok {
		return
	}
	req, wrong := s.hub.amendment(s.sess.Sender(slot), c)
	if wrong != nil {
		s.sess.ReplyError(slot, c, wrong)
		return
	}
	id, kind := string(c.ID), c.Kind
	s.sess.WithAccess(slot, req.Event.Room, func(slot uint32, a directory.Access, err error) {
		if err == nil {
			err = permit(&req, kind, a)
		}
		if err != nil {
			s.sess.ReplyErrorTo(slot, id, err)
			return
		}
		session.Later(s.sess, s.conn.Ref(slot), func(ctx context.Context) (history.Applied, error) {
			return s.hub.rooms.History.Apply(ctx, req)
		}, func(slot uint32, got history.Applied, err error) {
			switch {
			case err != nil:
				s.sess.ReplyErrorTo(slot, id, err)
			case id != "":
				s.enc = wire.AppendSeqAck(s.enc[:0], id, got.Seq)
				s.conn.Push(slot, s.enc)
			}
		})
	})
}

// amendment counts the text of an edit, delete, react or pin, and returns what history is asked for
// once permit has looked at it.
func (h *Hub) amendment(from session.Sender, c *wire.Command) (req history.ApplyRequest, wrong *chat.Error) {
	if c.Kind == wire.Edit && c.TextLen > h.opts.Sends.Text {
		return req, h.sends.TooLong()
	}
	if c.Kind != wire.Delete { // which makes less of it
		if err := h.sess.ChargeText(from, c.TextLen); err != nil {
			return req, err
		}
	}
	req.Event = chat.Event{
		Type: eventOf[c.Kind], Room: string(c.Room), ID: string(c.MsgID), User: from.User, Name: from.Name,
		TS: time.Now().UnixMilli(), Target: string(c.Target), Author: string(c.Author), Emoji: string(c.Emoji), On: c.On,
	}
	if c.Kind == wire.Edit {
		req.Event.Text = string(wire.AppendText(nil, c.Text))
	}
	return req, nil
}

// permit says in a request of amendment what its user may do, or returns why the user may not.
func permit(req *history.ApplyRequest, kind wire.Kind, a directory.Access) error {
	req.Moderator, req.Pin = a.May(directory.ActionErase), a.May(directory.ActionPin)
	return sends.MayWrite(kind, a, time.Now())
}
