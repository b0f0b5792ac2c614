package rooms

import (
	"context"
	"strconv"
	"sync"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/ring"
)

// liveChannels is how many channels what is live only (typing, read positions) is spread over, by
// room. One channel for each room would cost a subscription for each user; one for all would bring
// every edge everything.
const liveChannels = 64

// liveVersion is the first byte of a message on these channels; then come the length of the room's
// id, the id, and the event as clients see it.
const liveVersion = 1

// liveChannel is an edge's subscription to one of them, made when the first room needs it.
type liveChannel struct {
	mu  sync.Mutex
	sub bus.Subscription
}

func liveIndex[T string | []byte](room T) int { return int(ring.Hash(room) % liveChannels) }

func liveName(i int) string { return "edge.live." + strconv.Itoa(i) }

var liveNames = func() (names [liveChannels]string) {
	for i := range names {
		names[i] = liveName(i)
	}
	return names
}()

// Listen returns when what is live in a room arrives on this edge.
func (h *Hub) Listen(ctx context.Context, room string) error {
	i := liveIndex(room)
	c := &h.live[i]
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sub != nil {
		return nil
	}
	sub, err := h.Bus.Subscribe(ctx, liveNames[i], h.receive)
	if err != nil {
		return err
	}
	c.sub = sub
	return nil
}

func (c *liveChannel) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sub != nil {
		c.sub.Stop()
		c.sub = nil
	}
}

// receive delivers an ephemeral message of an edge, which may be this one.
func (h *Hub) receive(data []byte) {
	if len(data) < 2 || data[0] != liveVersion || len(data) < 2+int(data[1]) {
		h.sess.Log.Warn("dropped a live message that cannot be decoded", zap.Int("bytes", len(data)))
		return
	}
	end := 2 + int(data[1])
	room, event := data[2:end], data[end:]
	if chat.IsUserRoom(string(room)) {
		h.sess.PushTo(UserOf(room), event)
		return
	}
	if f := h.lookup(room); f != nil {
		f.Live(event)
	}
}

// AppendLive appends the head of a live message for a room; the event follows.
func AppendLive(dst []byte, room string) []byte {
	return append(append(dst, liveVersion, byte(len(room))), room...)
}

// Publish sends an ephemeral message to the sockets of a room on all edges. message begins with
// what AppendLive appends.
func (h *Hub) Publish(room string, message []byte) {
	if err := h.Bus.Publish(liveNames[liveIndex(room)], message); err != nil {
		h.sess.Metrics.LiveLost.Inc()
		h.sess.Log.Debug("could not send a live message", zap.Error(err))
	}
}

// UserOf returns whose a personal room is: see chat.UserRoom.
func UserOf[T string | []byte](room T) T { return room[len("u-"):] }
