package hub

import (
	"context"
	"time"

	"hubbub.internal/libs/api/history"
)

// lookUpWorkers is how many sends that are not first attempts are looked up at the same time. They have workers of their own: a
// crowd that reconnects repeats and joins at once, and joins must not wait for a history service that does not answer.
const lookUpWorkers = 16

// lookUp asks history whether the log or the record has the message of a send that is not a first attempt. The log on the bus
// knows a repeat for bus.DedupeWindow only. The op stays the first of its room's, so that order holds.
func (s *Shard) lookUp(o *op) {
	o.state = opAsking
	req := history.SentRequest{Room: o.room, User: o.sender, ID: string(o.msgID.bytes())}
	// What waits for a worker for too long is not worth asking about any more.
	deadline := time.Now().Add(requestTimeout)
	if !s.hub.lookUps.Do(func(ctx context.Context) {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		got, err := history.NewClient(s.hub.bus).Sent(ctx, req)
		s.post(func() { s.lookedUp(o, got, err) })
	}) {
		s.lookedUp(o, history.Sent{}, errBusy)
	}
}

// lookedUp acknowledges a message that is there with its first seq, and appends one that is not. Where nobody knows, it is not
// appended: the client tries again.
func (s *Shard) lookedUp(o *op, got history.Sent, err error) {
	switch {
	case err != nil:
		s.hub.metrics.retries.WithLabelValues("failed").Inc()
		o.err = err
	case got.Seq > 0:
		s.hub.metrics.retries.WithLabelValues("found").Inc()
		o.state, o.ts = opSent, got.TS
		o.result.Seq = got.Seq
	case o.sub == none: // the session has left the room meanwhile
	default:
		s.hub.metrics.retries.WithLabelValues("new").Inc()
		s.append(o)
		return
	}
	s.finished(o)
}
