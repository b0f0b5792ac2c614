package hub

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/uptime"
)

// A feed is what somebody on this edge listens to: the log of a room, together with what is live
// only in it, or the presence of a room. It is followed on the bus once, and encoded once, for all
// sockets of all loops.
type feed struct {
	fanout.Topic
	hub  *Hub
	room string

	// seconds of the room's slow mode, as far as one of its members has shown; 0: none
	slow atomic.Int32

	refs  uint32 // users; guarded by hub.mu
	since uint32 // when refs became 0, in seconds; guarded by hub.mu

	mu      sync.Mutex
	kind    feedKind // never changes
	state   feedState
	stopped bool // nobody can reach it any more
	sub     bus.Subscription
	waiting *[]func(error) // called when starting has ended; nil: nobody waits
}

type feedKind uint8

const (
	logFeed      feedKind = iota // a room's log
	presenceFeed                 // who comes and goes in a room
)

type feedState uint8

const (
	feedIdle feedState = iota
	feedStarting
	feedLive
)

// followTimeout is how long the bus may take to confirm that a room is followed.
const followTimeout = 5 * time.Second

// linger is how long a feed goes on that nobody uses: whoever lost a connection is soon back.
const linger = 10 * time.Second

// presencePrefix makes the name of a presence feed from that of the room; no room has it.
const presencePrefix = "."

func feedName(kind feedKind, room string) string {
	if kind == presenceFeed {
		return presencePrefix + room
	}
	return room
}

// acquire returns the feed of a room and counts one more user of it.
func (h *Hub) acquire(kind feedKind, room string) *feed {
	name := feedName(kind, room)
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.feeds[name]
	if f == nil {
		f = &feed{hub: h, room: name[len(name)-len(room):], kind: kind}
		f.Init(h.fan, f)
		h.feeds[name] = f
	}
	f.refs++
	return f
}

// lookup returns the feed of a room, or nil.
func (h *Hub) lookup(room []byte) *feed {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.feeds[string(room)]
}

// release undoes an acquire.
func (h *Hub) release(f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.refs--; f.refs == 0 {
		f.since = uptime.Seconds()
	}
}

// whenLive calls then once the feed is followed, or could not be. It calls it at once, or from
// another goroutine.
func (f *feed) whenLive(then func(error)) {
	f.mu.Lock()
	if f.state == feedLive {
		f.mu.Unlock()
		then(nil)
		return
	}
	if f.waiting == nil {
		f.waiting = new([]func(error))
	}
	*f.waiting = append(*f.waiting, then)
	start := f.state == feedIdle
	f.state = feedStarting
	f.mu.Unlock()
	if start && !f.hub.jobs.Do(f.start) {
		f.started(nil, errBusy)
	}
}

// isLive reports whether the feed is followed now.
func (f *feed) isLive() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state == feedLive
}

func (f *feed) start(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	sub, err := f.follow(ctx)
	f.started(sub, err)
}

func (f *feed) follow(ctx context.Context) (bus.Subscription, error) {
	if f.kind == presenceFeed {
		f.Ring().Start(0)
		return f.followPresence(ctx)
	}
	if err := f.hub.listen(ctx, f.room); err != nil {
		return nil, err
	}
	head, sub, err := f.hub.bus.Follow(ctx, f.room, (*roomLog)(f))
	if err == nil {
		f.Ring().Start(head)
	}
	return sub, err
}

func (f *feed) started(sub bus.Subscription, err error) {
	f.mu.Lock()
	waiting := f.waiting
	f.waiting, f.sub, f.state = nil, sub, feedLive
	if err != nil {
		f.state = feedIdle
	}
	stopped := f.stopped
	f.mu.Unlock()
	if stopped {
		f.stop()
	}
	if err != nil {
		f.hub.log.Warn("a room cannot be followed", zap.String("room", f.room), zap.Error(err))
	}
	if waiting == nil {
		return
	}
	for _, then := range *waiting {
		then(err)
	}
}

// roomLog is a feed as the bus tells it of its room's log.
type roomLog feed

var _ bus.Follower = (*roomLog)(nil)

// Entry implements bus.Follower. It publishes an entry of the log as the frame that all sockets
// get.
func (l *roomLog) Entry(e bus.Entry) {
	f := (*feed)(l)
	m := ring.Message{Seq: e.Seq, Prev: e.Prev, ID: e.ID}
	switch chat.TypeOf(e.Data) {
	case chat.TypeMsg:
		f.saw(e)
		m.Name = ring.NameOf(e.Sender, e.ID)
	case chat.TypeEdited, chat.TypeDeleted:
		m.Name, e.Data = f.revise(e)
	}
	mem := f.hub.fan.Scratch().Get()
	defer f.hub.fan.Scratch().Put(mem)
	frame := f.hub.appendEntry((*mem)[:0], f.room, e)
	*mem = frame[:0]
	m.Payload = frame
	f.Publish(m)
	f.hub.metrics.Entries.Inc()
}

// appendEntry appends the client's form of an entry. One that cannot be read is an event of a type
// that clients ignore: it has its place in the order all the same.
func (h *Hub) appendEntry(dst []byte, room string, e bus.Entry) []byte {
	frame, err := chat.AppendFrame(dst, e.Data, e.Seq, e.Prev)
	if err == nil {
		return frame
	}
	h.log.Error("the log has an entry that is none", zap.String("room", room), zap.Uint64("seq", e.Seq), zap.Error(err))
	data, _ := chat.AppendEntry(nil, chat.Event{Type: "unreadable", Room: room, ID: e.ID})
	frame, _ = chat.AppendFrame(dst, data, e.Seq, e.Prev)
	return frame
}

// Rewound implements bus.Follower. It tells all subscribers that the room begins anew.
func (l *roomLog) Rewound(_ string, head uint64) { l.Rewind(head) }

// Missed implements bus.Follower. It closes the sockets of all subscribers, whose clients come
// back: the record has what the log no longer has.
func (l *roomLog) Missed(_ string, through uint64) { l.Lose(through) }

// Live publishes a frame that is no entry of the log.
func (f *feed) Live(payload []byte) { f.Publish(ring.Message{Payload: payload}) }

// sweepFeeds gives up feeds that nobody has used for a while; every so often it trims the rings of
// the others.
func (h *Hub) sweepFeeds(n int) {
	const trimEvery = 10
	now := uptime.Seconds()
	var old, all []*feed
	h.mu.Lock()
	for name, f := range h.feeds {
		switch {
		case f.refs == 0 && now-f.since >= uint32(linger/time.Second):
			old = append(old, f)
			delete(h.feeds, name)
		case n%trimEvery == 0:
			all = append(all, f)
		}
	}
	h.mu.Unlock()
	for _, f := range old {
		f.stop()
	}
	for _, f := range all {
		f.Trim()
	}
}

// stop ends following. Nobody can reach the feed any more.
func (f *feed) stop() {
	f.mu.Lock()
	sub := f.sub
	f.sub, f.stopped = nil, true
	f.mu.Unlock()
	if sub != nil {
		sub.Stop()
	}
}

// close ends following every feed.
func (h *Hub) close() {
	h.mu.Lock()
	all := h.feeds
	h.feeds = make(map[string]*feed)
	h.mu.Unlock()
	for _, f := range all {
		f.stop()
	}
	for i := range h.live {
		h.live[i].stop()
	}
}
