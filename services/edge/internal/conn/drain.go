package conn

import (
	"context"
	"math/rand/v2"
	"time"

	"hubbub.internal/libs/wire"
)

// byeDrain is what sockets are told when the edge goes down.
const byeDrain = "this server is going down; others are up"

const (
	// minPace is how many sockets a second are closed at least.
	minPace = 200
	// DrainGrace is how long sends in flight may take to be acknowledged before their sockets are
	// closed.
	DrainGrace = 10 * time.Second
)

// draining is the state of a shard whose sockets are sent elsewhere.
type draining struct {
	on    bool
	next  uint32 // the slot to look at next
	quota float64
	pace  float64 // sockets per tick
	since uint32
}

// BeginDrain turns away every connection that comes from now on.
func (h *Hub) BeginDrain() { h.draining.Store(true) }

// Drain asks all sockets to go elsewhere, over a time that is at most d, and returns when they have
// gone, or when ctx ends. No new connections come in; sends in flight are acknowledged first.
func (h *Hub) Drain(ctx context.Context, d time.Duration) {
	h.BeginDrain()
	sockets := h.Sockets()
	pace := max(float64(sockets)/max(d.Seconds(), .1), minPace) / float64(len(h.shards))
	for _, s := range h.shards {
		s.Post(func() {
			s.loop.StopListening()
			s.drain = draining{on: true, pace: pace * TickEvery.Seconds(), since: s.now}
		})
	}
	ctx, cancel := context.WithTimeout(ctx, d+DrainGrace+2*CloseLinger)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for h.Sockets() > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-poll.C:
		}
	}
}

// Draining reports whether the shard's sockets are being sent elsewhere.
func (s *Shard) Draining() bool { return s.drain.on }

// drainSome says goodbye to some of the shard's sockets.
func (s *Shard) drainSome() {
	d := &s.drain
	if !d.on {
		return
	}
	late := s.now-d.since > ms(DrainGrace)
	slots := s.sessions.Len()
	d.quota = min(d.quota+d.pace, max(d.pace, minPace))
	for looked := uint32(0); looked < slots && d.quota >= 1; looked++ {
		if d.next >= slots {
			d.next = 0
		}
		slot := d.next
		d.next++
		ses := s.sessions.At(slot)
		switch ses.state {
		case Free, Closing, Handshake:
			continue
		}
		if s.handler.Busy(slot) && !late {
			continue // what it waits for comes first; the next round sees it again
		}
		s.Bye(slot, byeDrain, s.comeBack())
		d.quota--
	}
}

// comeBack spreads the sockets' return: the time to come back after, jittered.
func (s *Shard) comeBack() int64 {
	return 200 + rand.Int64N(1800)
}

// Bye ends a session whose client is to come back after a while, here or elsewhere. retryMS 0
// stands for a time that the shard chooses.
func (s *Shard) Bye(slot uint32, message string, retryMS int64) {
	if retryMS == 0 {
		retryMS = s.comeBack()
	}
	s.enc = wire.AppendBye(s.enc[:0], wire.CloseDrain, message, retryMS)
	s.Push(slot, s.enc)
	s.Close(slot, wire.CloseDrain, message)
}
