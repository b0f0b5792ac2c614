package conn

import (
	"slices"
	"time"

	"hubbub.internal/services/edge/internal/buffer"
)

// A Probe shows the tests of the layers above what a shard hides, and lets them break its
// connections.
type Probe struct{ s *Shard }

// Probe returns the shard's probe.
func (s *Shard) Probe() Probe { return Probe{s} }

// SetClock replaces the shard's clock, the time since the process started.
func (p Probe) SetClock(elapsed func() time.Duration) { p.s.elapsed = elapsed }

// SetBuffers replaces the shard's buffers by some that hold limit bytes.
func (p Probe) SetBuffers(limit int) { p.s.buffers = buffer.NewPool(limit) }

// Held returns how many bytes of buffers are in use.
func (p Probe) Held() int { return p.s.buffers.Held() }

// Timers returns how many timers are set.
func (p Probe) Timers() int { return p.s.wheel.Len() }

// Queued returns how many connections wait to be flushed.
func (p Probe) Queued() int { return len(p.s.queue) }

// Posts returns how many posts wait for the next turn.
func (p Probe) Posts() int {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return len(p.s.posts)
}

// ReversePosts makes the next turn run the posts last to first.
func (p Probe) ReversePosts() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	slices.Reverse(p.s.posts)
}

// RunPosts runs what was posted, without the rest of a turn.
func (p Probe) RunPosts() { p.s.runPosts() }

// Out returns what is to be written to a connection before anything else.
func (p Probe) Out(slot uint32) []byte {
	if out := p.s.sessions.At(slot).out; out != nil {
		return out.Bytes()
	}
	return nil
}

// Drop ends a connection at once.
func (p Probe) Drop(slot uint32) { p.s.drop(slot) }

// Forget lets go of a connection as if its loop had closed it.
func (p Probe) Forget(slot uint32) { p.s.forget(slot) }

// Violations returns how many commands over the rate count against a connection.
func (p Probe) Violations(slot uint32) int { return int(p.s.sessions.At(slot).violations) }

// Idle reports whether a connection holds nothing but what an idle one does.
func (p Probe) Idle(slot uint32) bool {
	ses := p.s.sessions.At(slot)
	return ses.in == nil && ses.out == nil && ses.more == nil && ses.flags&^(flPacks|flNotify) == 0
}

// Addresses returns of how many addresses sockets are counted, and how many places the table has,
// used or not.
func (h *Hub) Addresses() (counted, places int) {
	h.addrs.mu.Lock()
	defer h.addrs.mu.Unlock()
	return len(h.addrs.index), len(h.addrs.index) + len(h.addrs.free)
}
