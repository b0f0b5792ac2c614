package sends

import (
	"context"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/session"
)

// Sent is where a message stands in its room's log.
type Sent struct {
	Seq    uint64
	TS     int64 // UTC milliseconds
	Repeat bool  // the log had it before
}

// Post appends a message that came over no connection, on its way as those of connections are, and
// returns when the log has it. The error is a *chat.Error, and leaves open what became of the
// message only if its code is unavailable or internal. It may be called from any goroutine, and
// uses c until it returns. Several messages of one user stand in the order in which Post returned
// before the next was called.
func (s *Shard) Post(ctx context.Context, from session.Sender, c *wire.Command) (Sent, error) {
	if chat.IsUserRoom(string(c.Room)) {
		s.hub.sess.CountError(ErrMayNot)
		return Sent{}, ErrMayNot
	}
	now := time.Now()
	room, length, retry := string(c.Room), c.TextLen, c.Retry
	data := wire.AppendMsgEntry(nil, room, c.MsgID, from.User, wire.AppendQuoted(nil, from.Name), now.UnixMilli(), c)
	msgID := []byte(string(c.MsgID))
	type answer struct {
		sent Sent
		err  *chat.Error
	}
	done := make(chan answer, 1)
	s.conn.Post(func() {
		err := s.check(length)
		if err == nil {
			err = s.hub.sess.ChargeText(from, length)
		}
		if err != nil {
			done <- answer{err: err}
			return
		}
		o := s.newOp()
		o.ref, o.sub = conn.Ref{}, fanout.None
		o.room, o.sender = room, from.User
		o.msgID.set(msgID)
		o.retry, o.began, o.ts, o.data = retry, now, now.UnixMilli(), data
		o.posted = func(sent Sent, err *chat.Error) { done <- answer{sent, err} }
		s.start(o)
	})
	select {
	case a := <-done:
		if a.err != nil {
			s.hub.sess.CountError(a.err)
			return Sent{}, a.err
		}
		return a.sent, nil
	case <-ctx.Done():
	case <-s.hub.ended:
	}
	s.hub.sess.CountError(errNoAnswer)
	return Sent{}, errNoAnswer
}

// answer answers a message that came over no connection.
func (s *Shard) answer(o *op) {
	if o.err != nil {
		o.posted(Sent{}, s.hub.sess.Coded(o.err))
		return
	}
	s.hub.sess.Metrics.Appends.Observe(time.Since(o.began).Seconds())
	o.posted(Sent{Seq: o.result.Seq, TS: o.ts, Repeat: o.result.Duplicate}, nil)
}
