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
	if c.Kind == wire.Edit && c.TextLen > s.hub.opts.Sends.Text {
		s.sess.ReplyError(slot, c, s.hub.sends.TooLong())
		return
	}
	if c.Kind != wire.Delete { // which makes less of it
		if err := s.sess.ChargeText(slot, c.TextLen); err != nil {
			s.sess.ReplyError(slot, c, err)
			return
		}
	}
	id, room, kind := string(c.ID), string(c.Room), c.Kind
	req := history.ApplyRequest{Event: chat.Event{
		Type: eventOf[c.Kind], Room: room, ID: string(c.MsgID), User: s.sess.User(slot), Name: s.sess.Name(slot),
		TS: time.Now().UnixMilli(), Target: string(c.Target), Author: string(c.Author), Emoji: string(c.Emoji), On: c.On,
	}}
	if c.Kind == wire.Edit {
		req.Event.Text = string(wire.AppendText(nil, c.Text))
	}
	s.sess.WithAccess(slot, room, func(slot uint32, a directory.Access, err error) {
		if err == nil {
			err = sends.MayWrite(kind, a, time.Now())
		}
		if err != nil {
			s.sess.ReplyErrorTo(slot, id, err)
			return
		}
		req.Moderator, req.Pin = a.May(directory.ActionErase), a.May(directory.ActionPin)
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
