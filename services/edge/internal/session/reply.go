package session

import (
	"context"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
)

// Ack answers a command that has nothing more to say, if it wants an answer.
func (s *Shard) Ack(slot uint32, id []byte) {
	if len(id) > 0 {
		s.enc = wire.AppendAck(s.enc[:0], id)
		s.conn.Push(slot, s.enc)
	}
}

// ReplyError answers a command with an error.
func (s *Shard) ReplyError(slot uint32, c *wire.Command, e *chat.Error) {
	var msgID, room []byte
	if c.Kind == wire.Send {
		msgID, room = c.MsgID, c.Room
	}
	s.hub.CountError(e)
	s.enc = wire.AppendError(s.enc[:0], c.ID, e, msgID, room)
	s.conn.Push(slot, s.enc)
}

// ReplyErrorTo answers the command with an id with an error, when its frame is gone.
func (s *Shard) ReplyErrorTo(slot uint32, id string, err error) {
	e := s.hub.Coded(err)
	s.hub.CountError(e)
	s.enc = wire.AppendError(s.enc[:0], id, e, "", "")
	s.conn.Push(slot, s.enc)
}

// ReplyRaw answers the command with an id with what another service has encoded.
func (s *Shard) ReplyRaw(slot uint32, id string, err error, encode func(dst []byte) ([]byte, error)) {
	if err == nil {
		var out []byte
		if out, err = encode(s.enc[:0]); err == nil {
			s.enc = out
			s.conn.Push(slot, s.enc)
			return
		}
	}
	s.ReplyErrorTo(slot, id, err)
}

// Later runs work, which may block, on a worker, and then runs then with what it returns on the
// shard's loop, if the session still lives. When the workers are too busy, it calls then at once.
func Later[T any](s *Shard, r conn.Ref, work func(context.Context) (T, error), then func(slot uint32, v T, err error)) {
	ok := s.hub.Jobs.Do(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
		defer cancel()
		v, err := work(ctx)
		s.conn.Post(func() {
			if s.conn.Alive(r) {
				then(r.Slot, v, err)
			}
		})
	})
	if !ok {
		var v T
		then(r.Slot, v, ErrBusy)
	}
}

// WithAccess calls then with what the session's user may do in a room: at once where that is known.
func (s *Shard) WithAccess(slot uint32, room string, then func(slot uint32, a directory.Access, err error)) {
	user := s.User(slot)
	if a, ok := s.hub.Access.Cached(user, room); ok {
		then(slot, a, nil)
		return
	}
	Later(s, s.conn.Ref(slot), func(ctx context.Context) (directory.Access, error) {
		return s.hub.Access.Access(ctx, user, room)
	}, then)
}

// WithReadable calls then if the session's user may read a room, and answers the command with an id
// otherwise.
func (s *Shard) WithReadable(slot uint32, room, id string, then func(slot uint32, a directory.Access)) {
	s.WithAccess(slot, room, func(slot uint32, a directory.Access, err error) {
		switch {
		case err != nil:
			s.ReplyErrorTo(slot, id, err)
		case !a.Read:
			s.ReplyErrorTo(slot, id, ErrForbidden)
		default:
			then(slot, a)
		}
	})
}
