package redisbus

import (
	"context"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/follow"
)

// source is the engine's view of the bus.
type source struct{ b *Bus }

var _ follow.Source = source{}

func (s source) Subscribe(ctx context.Context, rooms []string) error {
	return s.b.rooms.subscribe(ctx, s.channels(rooms), s.deliver)
}

// Unsubscribe leaves the channels of personal rooms alone: others may need them, and there are few.
func (s source) Unsubscribe(rooms []string) {
	var names []string
	for _, r := range rooms {
		if !bus.Personal(r) {
			names = append(names, s.b.keys.live(r))
		}
	}
	s.b.rooms.unsubscribe(names)
}

func (s source) SubscribePersonal(ctx context.Context) error {
	names := make([]string, len(s.b.keys.tags))
	for p := range names {
		names[p] = s.b.keys.personal(p)
	}
	return s.b.rooms.subscribe(ctx, names, s.deliver)
}

func (s source) Heads(ctx context.Context, rooms []string) ([]follow.Head, error) {
	return s.b.headsOf(ctx, rooms)
}

func (s source) Replay(ctx context.Context, room string, after bus.Position, limit int) (bus.Replayed, error) {
	return s.b.Replay(ctx, room, after, limit)
}

func (s source) channels(rooms []string) []string {
	names := make([]string, len(rooms))
	for i, r := range rooms {
		names[i] = s.b.keys.live(r)
	}
	return names
}

func (s source) deliver(channel, message string) {
	e, err := decodeLive(message)
	if err != nil {
		s.b.log.Warn("dropped a live message; the log has the entry", zap.String("channel", channel), zap.Error(err))
		s.b.engine.Suspect("a live message could not be read")
		return
	}
	s.b.metrics.live.Inc()
	s.b.engine.Deliver(e)
}
