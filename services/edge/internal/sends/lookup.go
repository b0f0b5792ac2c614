package sends

import (
	"context"
	"time"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/session"
)

// lookUpWorkers is how many sends that are or may be repeats are looked up at the same time. They
// have workers of their own: a crowd that reconnects repeats and joins at once, and joins must not
// wait for a history service that does not answer.
const lookUpWorkers = 16

// lookUp finds out which message a send repeats: before the append of one that is not a first
// attempt, and after that of one whose id the bus has found in use. The op stays the first of its
// room's, so that order holds.
func (s *Shard) lookUp(o *op) {
	req, seq := history.SentRequest{Room: o.room, User: o.sender, ID: string(o.msgID.bytes())}, o.result.Seq
	// What waits for a worker for too long is not worth asking about any more.
	deadline := time.Now().Add(session.RequestTimeout)
	if !s.hub.LookUps.Do(func(ctx context.Context) {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		got, err := s.hub.sent(ctx, req, seq)
		s.conn.Post(func() { s.lookedUp(o, got, err) })
	}) {
		s.lookedUp(o, history.Sent{}, session.ErrBusy)
	}
}

// sent returns the message that has an id of its sender's, zero if there is none. seq is where the
// bus has found the id, which it does for bus.DedupeWindow; 0: it was not asked. What stands there
// may be another command's entry. The record is asked for what the log does not have, or has lost
// with its text.
func (h *Hub) sent(ctx context.Context, req history.SentRequest, seq uint64) (history.Sent, error) {
	if seq > 0 {
		r, err := h.bus.Replay(ctx, req.Room, bus.Position{Seq: seq - 1}, 1)
		if err != nil {
			return history.Sent{}, err
		}
		if len(r.Entries) > 0 && r.Entries[0].Seq == seq {
			return sentAs(r.Entries[0])
		}
	}
	return h.rooms.History.Sent(ctx, req)
}

func sentAs(e bus.Entry) (history.Sent, error) {
	event, err := chat.DecodeEntry(e.Data, e.Seq, e.Prev)
	if err != nil || event.Type != chat.TypeMsg {
		return history.Sent{}, errOtherUse
	}
	return history.Sent{Seq: e.Seq, TS: event.TS}, nil
}

// lookedUp acknowledges a message that is there with its first seq, and appends one that is not.
// Where nobody knows, it is not appended: the client tries again.
func (s *Shard) lookedUp(o *op, got history.Sent, err error) {
	switch {
	case err != nil:
		s.hub.sess.Metrics.Retries.WithLabelValues("failed").Inc()
		o.err = err
	case got.Seq > 0:
		s.hub.sess.Metrics.Retries.WithLabelValues("found").Inc()
		o.sent, o.ts = true, got.TS
		o.result = bus.Appended{Seq: got.Seq, Duplicate: true}
	case o.result.Duplicate: // of a record that has lost it
	case o.gone(): // the session has left the room meanwhile
	default:
		s.hub.sess.Metrics.Retries.WithLabelValues("new").Inc()
		s.append(o)
		return
	}
	s.finished(o)
}
