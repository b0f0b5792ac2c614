package rooms

import (
	"time"

	"go.opentelemetry.io/otel/attribute"

	"hubbub.internal/libs/trace"
)

// trace records that the log has an entry for this edge, and how long the edge took to encode it
// and to publish it to the loops that have subscribers.
func (f *RoomTopic) trace(m trace.Message, seq uint64, came time.Time) {
	m.Span("deliver", came, time.Now(), nil, attribute.String("hubbub.room", f.Room), attribute.Int64("hubbub.seq", int64(seq)))
}
