package redisbus

import (
	"context"
	"sync"

	"go.uber.org/zap"
)

// Subscribe implements driver.Rooms.
func (b *Driver) Subscribe(ctx context.Context, rooms []string) error {
	b.personal.add(rooms)
	names := make([]string, len(rooms))
	for i, r := range rooms {
		names[i] = b.keys.live(r)
	}
	return b.rooms.subscribe(ctx, names, b.deliver)
}

// Unsubscribe implements driver.Rooms.
func (b *Driver) Unsubscribe(rooms []string) {
	var names []string
	for _, r := range rooms {
		if !b.keys.isPersonal(r) {
			names = append(names, b.keys.live(r))
		}
	}
	b.rooms.unsubscribe(names)
	b.personal.remove(rooms)
}

// SubscribePersonal implements driver.Rooms.
func (b *Driver) SubscribePersonal(ctx context.Context) error {
	return b.rooms.subscribe(ctx, b.personal.addAll(), b.deliver)
}

// Listen implements driver.Live.
func (b *Driver) Listen(ctx context.Context, channel string, receive func([]byte)) (func(), error) {
	names := []string{b.keys.channel(channel)}
	stop := func() { b.channels.unsubscribe(names) }
	err := b.channels.subscribe(ctx, names, func(_, message string) { receive([]byte(message)) })
	if err != nil {
		stop()
	}
	return stop, err
}

// deliver delivers a live message to the engine. It allocates nothing: the entry shares the
// message's memory.
func (b *Driver) deliver(channel, message string) {
	e, err := decodeLive(message)
	if err != nil {
		b.log.Warn("dropped a live message that cannot be decoded; followers read the entry from the log", zap.String("channel", channel), zap.Error(err))
		b.host.Suspect("a live message could not be read")
		return
	}
	b.metrics.Live.Inc()
	b.host.Deliver(e)
}

// personal counts the users of the channels that the personal rooms of a partition share, so that
// the last one to leave ends the subscription. Once all personal rooms are watched, which never
// ends, it counts nothing.
type personal struct {
	b *Driver

	mu  sync.Mutex
	all bool
	// names by partition, since the engine may subscribe to a room again
	rooms map[int]map[string]struct{}
}

func newPersonal(b *Driver) *personal {
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
	// until the channels are unsubscribed; otherwise this could undo a later subscribe
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
