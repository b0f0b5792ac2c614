package sends

import (
	"context"
	"time"

	"hubbub.internal/services/edge/internal/session"
)

// askFirst asks the directory whether a message may be sent in a direct room that the other has not
// accepted yet, or has hidden: see directory.Access.Ask. Such messages are few. The op stays the
// first of its room's, so that order holds.
func (s *Shard) askFirst(o *op) {
	user, room, id := o.sender, o.room, string(o.msgID.bytes())
	deadline := time.Now().Add(session.RequestTimeout)
	if !s.hub.sess.Jobs.Do(func(ctx context.Context) {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		err := s.hub.directory.Ask(ctx, user, room, id)
		s.conn.Post(func() { s.asked(o, err) })
	}) {
		s.asked(o, session.ErrBusy)
	}
}

// asked goes on with a send that was asked for.
func (s *Shard) asked(o *op, err error) {
	if err != nil || o.gone() {
		o.err = err
		s.finished(o)
		return
	}
	s.cleared(o)
}
