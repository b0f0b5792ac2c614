package rooms

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
	"hubbub.internal/services/edge/internal/session"
	"hubbub.internal/services/edge/internal/uptime"
)

// A RoomTopic is the topic of a room that somebody on this edge subscribes to: its log, together
// with what is live only in it, or its presence. The edge follows it on the bus once, and encodes
// each entry once, for all sockets of all loops.
type RoomTopic struct {
	fanout.Topic
	hub  *Hub
	Room string

	// seconds of the room's slow mode, as far as one of its members has shown; 0: none
	slow atomic.Int32

	refs  uint32 // users; guarded by hub.mu
	since uint32 // when refs became 0, in seconds; guarded by hub.mu

	mu      sync.Mutex
	kind    Kind // never changes
	state   topicState
	stopped bool // nobody can reach it any more
	sub     bus.Subscription
	waiting *[]func(error) // called when starting has ended; nil: nobody waits
}

// Kind is what of a room a topic has.
type Kind uint8

// The kinds.
const (
	Log      Kind = iota // a room's log
	Presence             // who comes and goes in a room
)

type topicState uint8

const (
	topicIdle topicState = iota
	topicStarting
	topicLive
)

// followTimeout is how long the bus may take to confirm that a room is followed.
const followTimeout = 5 * time.Second

// Linger is how long the edge follows a topic without users: clients that lost a connection are
// soon back.
const Linger = 10 * time.Second

// presencePrefix makes the name of a presence topic from that of the room; no room has it.
const presencePrefix = "."

func topicName(kind Kind, room string) string {
	if kind == Presence {
		return presencePrefix + room
	}
	return room
}

// acquire returns a topic of a room and counts one more user of it.
func (h *Hub) acquire(kind Kind, room string) *RoomTopic {
	name := topicName(kind, room)
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.topics[name]
	if f == nil {
		f = &RoomTopic{hub: h, Room: name[len(name)-len(room):], kind: kind}
		f.Init(h.fan, f)
		h.topics[name] = f
	}
	f.refs++
	return f
}

// lookup returns the topic of a room's log, or nil.
func (h *Hub) lookup(room []byte) *RoomTopic {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.topics[string(room)]
}

// release undoes an acquire.
func (h *Hub) release(f *RoomTopic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.refs--; f.refs == 0 {
		f.since = uptime.Seconds()
	}
}

// whenLive calls then once the topic is followed, or could not be. It calls it at once, or from
// another goroutine.
func (f *RoomTopic) whenLive(then func(error)) {
	f.mu.Lock()
	if f.state == topicLive {
		f.mu.Unlock()
		then(nil)
		return
	}
	if f.waiting == nil {
		f.waiting = new([]func(error))
	}
	*f.waiting = append(*f.waiting, then)
	start := f.state == topicIdle
	f.state = topicStarting
	f.mu.Unlock()
	if start && !f.hub.sess.Jobs.Do(f.start) {
		f.started(nil, session.ErrBusy)
	}
}

// isLive reports whether the topic is followed now.
func (f *RoomTopic) isLive() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state == topicLive
}

func (f *RoomTopic) start(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	sub, err := f.follow(ctx)
	f.started(sub, err)
}

func (f *RoomTopic) follow(ctx context.Context) (bus.Subscription, error) {
	if f.kind == Presence {
		f.Ring().Start(0)
		return f.followPresence(ctx)
	}
	if err := f.hub.Listen(ctx, f.Room); err != nil {
		return nil, err
	}
	head, sub, err := f.hub.Bus.Follow(ctx, f.Room, f.Log())
	if err == nil {
		f.Ring().Start(head)
	}
	return sub, err
}

func (f *RoomTopic) started(sub bus.Subscription, err error) {
	f.mu.Lock()
	waiting := f.waiting
	f.waiting, f.sub, f.state = nil, sub, topicLive
	if err != nil {
		f.state = topicIdle
	}
	stopped := f.stopped
	f.mu.Unlock()
	if stopped {
		f.stop()
	}
	if err != nil {
		f.hub.sess.Log.Warn("cannot follow a room", zap.String("room", f.Room), zap.Error(err))
	}
	if waiting == nil {
		return
	}
	for _, then := range *waiting {
		then(err)
	}
}

// roomLog is a RoomTopic as a follower of its room's log.
type roomLog RoomTopic

var _ bus.Follower = (*roomLog)(nil)

// Log returns the topic as a follower of its room's log.
func (f *RoomTopic) Log() bus.Follower { return (*roomLog)(f) }

// Entry implements bus.Follower. It publishes an entry of the log as the frame that all sockets
// get.
func (l *roomLog) Entry(e bus.Entry) {
	f := (*RoomTopic)(l)
	if m := f.hub.sess.Trace.Message(f.Room, e.Sender, e.ID); m.Sampled() {
		defer f.trace(m, e.Seq, time.Now())
	}
	m := ring.Message{Seq: e.Seq, Prev: e.Prev, ID: e.ID}
	switch chat.TypeOf(e.Data) {
	case chat.TypeMsg:
		f.noteSent(e)
		m.Name = ring.NameOf(e.Sender, e.ID)
	case chat.TypeEdited, chat.TypeDeleted:
		m.Name, e.Data = f.revise(e)
	}
	mem := f.hub.fan.Scratch().Get()
	defer f.hub.fan.Scratch().Put(mem)
	frame := f.hub.appendEntry((*mem)[:0], f.Room, e)
	*mem = frame[:0]
	m.Payload = frame
	f.Publish(m)
	f.hub.sess.Metrics.Entries.Inc()
}

// appendEntry appends the client's form of an entry. One that cannot be read is an event of a type
// that clients ignore: it has its place in the order all the same.
func (h *Hub) appendEntry(dst []byte, room string, e bus.Entry) []byte {
	frame, err := chat.AppendFrame(dst, e.Data, e.Seq, e.Prev)
	if err == nil {
		return frame
	}
	h.sess.Log.Error("skipped an entry of the log that cannot be decoded", zap.String("room", room), zap.Uint64("seq", e.Seq), zap.Error(err))
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
func (f *RoomTopic) Live(payload []byte) { f.Publish(ring.Message{Payload: payload}) }

// Sweep stops following topics that nobody has used for a while, and trims the rings of the others
// now and then. It is called once a second, with a number that counts the calls.
func (h *Hub) Sweep(n int) {
	const trimEvery = 10
	now := uptime.Seconds()
	var old, all []*RoomTopic
	h.mu.Lock()
	for name, f := range h.topics {
		switch {
		case f.refs == 0 && now-f.since >= uint32(Linger/time.Second):
			old = append(old, f)
			delete(h.topics, name)
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

// stop ends following. Nobody can reach the topic any more.
func (f *RoomTopic) stop() {
	f.mu.Lock()
	sub := f.sub
	f.sub, f.stopped = nil, true
	f.mu.Unlock()
	if sub != nil {
		sub.Stop()
	}
}

// Close ends following every topic.
func (h *Hub) Close() {
	h.mu.Lock()
	all := h.topics
	h.topics = make(map[string]*RoomTopic)
	h.mu.Unlock()
	for _, f := range all {
		f.stop()
	}
	for i := range h.live {
		h.live[i].stop()
	}
}
