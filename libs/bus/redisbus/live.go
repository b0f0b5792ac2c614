package redisbus

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/follow"
)

// source is the engine's view of the bus.
type source struct{ b *Bus }

var _ follow.Source = source{}

func (s source) Subscribe(ctx context.Context, rooms []string) error {
	s.b.personal.add(rooms)
	return s.b.rooms.subscribe(ctx, s.channels(rooms), s.b.deliver)
}

func (s source) Unsubscribe(rooms []string) {
	var names []string
	for _, r := range rooms {
		if !s.b.keys.isPersonal(r) {
			names = append(names, s.b.keys.live(r))
		}
	}
	s.b.rooms.unsubscribe(names)
	s.b.personal.remove(rooms)
}

func (s source) SubscribePersonal(ctx context.Context) error {
	return s.b.rooms.subscribe(ctx, s.b.personal.addAll(), s.b.deliver)
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

// deliver takes a live message. It allocates nothing: the entry shares the message's memory.
func (b *Bus) deliver(channel, message string) {
	e, err := decodeLive(message)
	if err != nil {
		b.log.Warn("dropped a live message; the log has the entry", zap.String("channel", channel), zap.Error(err))
		b.engine.Suspect("a live message could not be read")
		return
	}
	b.metrics.Live.Inc()
	b.engine.Deliver(e)
}

// personal counts who needs the channels that the personal rooms of a partition share, so that the
// last one to leave ends the subscription. Once all personal rooms are watched, which has no end,
// it keeps nothing.
type personal struct {
	b *Bus

	mu  sync.Mutex
	all bool
	// by partition: names, since the engine may ask for a room again
	rooms map[int]map[string]struct{}
}

func newPersonal(b *Bus) *personal {
	return &personal{b: b, rooms: make(map[int]map[string]struct{})}
}

func (p *personal) add(rooms []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range rooms {
		if p.all || !p.b.keys.isPersonal(r) {
			continue
		}
		n := p.b.keys.partition(r)
		if p.rooms[n] == nil {
			p.rooms[n] = make(map[string]struct{})
		}
		p.rooms[n][r] = struct{}{}
	}
}

func (p *personal) remove(rooms []string) {
	p.mu.Lock()
	// until the channels are unsubscribed, else that could undo a subscribe that comes after
	defer p.mu.Unlock()
	var names []string
	for _, r := range rooms {
		n := p.b.keys.partition(r)
		if _, ok := p.rooms[n][r]; !ok {
			continue
		}
		delete(p.rooms[n], r)
		if len(p.rooms[n]) == 0 {
			delete(p.rooms, n)
			names = append(names, p.b.keys.personal(n))
		}
	}
	p.b.rooms.unsubscribe(names)
}

// addAll returns the channels of all partitions, which stay subscribed from now on.
func (p *personal) addAll() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all, p.rooms = true, nil
	names := make([]string, len(p.b.keys.tags))
	for n := range names {
		names[n] = p.b.keys.personal(n)
	}
	return names
}
