package hub

import (
	"context"
	"encoding/json"
	"time"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// eventOf names the events that the commands become.
var eventOf = map[wire.Kind]string{
	wire.Edit: chat.TypeEdited, wire.Delete: chat.TypeDeleted, wire.React: chat.TypeReacted, wire.Pin: chat.TypePinned,
}

// amendMessage asks history for an edit, delete, react or pin, which it checks against the record
// and appends.
func (s *Shard) amendMessage(slot uint32, c *wire.Command) {
	ses := s.sessions.At(slot)
	if _, ok := s.member(slot, c); !ok {
		return
	}
	if c.Kind == wire.Edit && c.TextLen > s.hub.opts.Text {
		s.replyError(slot, c, s.tooLong())
		return
	}
	if c.Kind != wire.Delete { // which makes less of it
		if err := s.tooMuch(ses.who, c); err != nil {
			s.replyError(slot, c, err)
			return
		}
	}
	id, room, kind := string(c.ID), string(c.Room), c.Kind
	req := history.ApplyRequest{Event: chat.Event{
		Type: eventOf[c.Kind], Room: room, ID: string(c.MsgID), User: ses.who.user(), Name: ses.who.name(),
		TS: time.Now().UnixMilli(), Target: string(c.Target), Author: string(c.Author), Emoji: string(c.Emoji), On: c.On,
	}}
	if c.Kind == wire.Edit {
		req.Event.Text = string(wire.AppendText(nil, c.Text))
	}
	s.withAccess(slot, room, func(slot uint32, a directory.Access, err error) {
		if err == nil {
			err = mayWrite(kind, a, time.Now())
		}
		if err != nil {
			s.replyErrorTo(slot, id, err)
			return
		}
		req.Moderator, req.Pin = a.May(directory.ActionErase), a.May(directory.ActionPin)
		later(s, s.conn.Ref(slot), func(ctx context.Context) (history.Applied, error) {
			return history.NewClient(s.hub.bus).Apply(ctx, req)
		}, func(slot uint32, got history.Applied, err error) {
			switch {
			case err != nil:
				s.replyErrorTo(slot, id, err)
			case id != "":
				s.enc = wire.AppendSeqAck(s.enc[:0], id, got.Seq)
				s.conn.Push(slot, s.enc)
			}
		})
	})
}

// history answers a page of the record.
func (s *Shard) history(slot uint32, c *wire.Command) {
	id := string(c.ID)
	req := history.PageRequest{User: s.sessions.At(slot).who.user(), Room: string(c.Room), Before: c.Before, After: c.After, Around: c.Around, Limit: c.Limit}
	s.withAccess(slot, req.Room, func(slot uint32, a directory.Access, err error) {
		if err == nil && !a.Read {
			err = errForbidden
		}
		if err != nil {
			s.replyErrorTo(slot, id, err)
			return
		}
		later(s, s.conn.Ref(slot), func(ctx context.Context) (json.RawMessage, error) {
			return api.Call[history.PageRequest, json.RawMessage](ctx, s.hub.bus, history.ServicePage, req)
		}, func(slot uint32, page json.RawMessage, err error) {
			s.replyRaw(slot, id, err, func() ([]byte, error) { return wire.AppendHistory(s.enc[:0], id, req.Room, page) })
		})
	})
}

// replyRaw answers with what another service has encoded.
func (s *Shard) replyRaw(slot uint32, id string, err error, encode func() ([]byte, error)) {
	if err == nil {
		if s.enc, err = encode(); err == nil {
			s.conn.Push(slot, s.enc)
			return
		}
	}
	s.replyErrorTo(slot, id, err)
}
