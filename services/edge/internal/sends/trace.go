package sends

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// trace records the way of a message into the log, from the frame that brought it. It records
// nothing of a repeat: the first attempt has the trace.
func (s *Shard) trace(o *op) {
	if o.err != nil || o.result.Duplicate {
		return
	}
	m := s.hub.sess.Trace.Message(o.room, o.sender, o.msgID.text())
	if !m.Sampled() {
		return
	}
	m.Root("send", o.began, time.Now(), nil,
		attribute.String("hubbub.room", o.room), attribute.String("hubbub.user", o.sender),
		attribute.String("hubbub.msg_id", string(o.msgID.bytes())), attribute.Int64("hubbub.seq", int64(o.result.Seq)))
}
