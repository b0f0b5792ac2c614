package fanout

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/frame"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/transport"
)

// piece is what one write has of one subscriber.
type piece struct {
	sub  uint32
	data []byte
	to   uint64 // the position after it
}

// markPending schedules a write of a subscriber's frames in this turn.
func (s *Shard) markPending(id uint32) {
	b := s.subs.At(id)
	if b.flags&flPending != 0 {
		return
	}
	b.flags |= flPending
	c := s.slots.At(b.slot)
	b.pending, c.pending = c.pending, id
	s.conn.Enqueue(b.slot)
}

// clearPending empties a connection's list of subscribers with frames in this turn. What they have
// not had they find by their cursors.
func (s *Shard) clearPending(c *slot) {
	for id := c.pending; id != None; {
		b := s.subs.At(id)
		b.flags &^= flPending
		id, b.pending = b.pending, None
	}
	c.pending = None
}

// Skipped implements conn.Source.
func (s *Shard) Skipped(at uint32) { s.clearPending(s.slots.At(at)) }

// Gather implements conn.Source. It appends the frames of a connection's subscribers: of those that
// are pending, or of all.
func (s *Shard) Gather(at uint32, all bool, bufs [][]byte) (out [][]byte, ok bool) {
	p, c := &s.pass, s.slots.At(at)
	p.pieces, p.late = p.pieces[:0], p.late[:0]
	first := c.pending
	if all {
		first = c.subs
	}
	for id := first; id != None; {
		b := s.subs.At(id)
		next := b.pending
		if all {
			next = b.next
		}
		if !s.gather(id) {
			s.clearPending(c)
			return bufs, false
		}
		id = next
	}
	s.clearPending(c)
	for i := range p.pieces {
		bufs = append(bufs, p.pieces[i].data)
	}
	return bufs, true
}

// gather adds a subscriber's frames to what is written. It returns false when it has closed the
// connection, which has fallen off the ring.
func (s *Shard) gather(id uint32) bool {
	b, p := s.subs.At(id), &s.pass
	a := b.set
	if b.index == None {
		return true
	}
	if len(p.pieces) == transport.MaxBufs-1 {
		s.conn.Lag(b.slot)
		return true
	}
	if b.flags&flAhead != 0 && !s.skipSeen(id) {
		return true
	}
	if a.batch != 0 {
		if l := &p.batches[a.batch-1]; b.cursor >= l.base && b.cursor <= l.end {
			if b.cursor < l.end {
				p.pieces = append(p.pieces, piece{id, l.frames[b.cursor-l.base:], l.end})
			}
			return true
		}
	}
	at := len(p.late)
	out, to, status := a.view.Copy(p.late, b.cursor, p.bounds.Late)
	switch status {
	case ring.Fallen:
		s.conn.Close(b.slot, wire.CloseResume, "behind in the rooms that it is in: resume")
		return false
	case ring.Rewound:
		var seq uint64
		seq, b.cursor = a.view.Restart()
		a.topic.owner.Rewound(s.index, b.slot, seq)
		s.conn.Lag(b.slot)
		return true
	}
	if p.late = out; to > b.cursor {
		p.pieces = append(p.pieces, piece{id, out[at:], to})
		s.conn.Lag(b.slot) // there may be more
	}
	return true
}

// skipSeen moves a subscriber over entries that it has already, and reports whether there are
// others.
func (s *Shard) skipSeen(id uint32) bool {
	b := s.subs.At(id)
	pos, done, status := b.set.view.Pass(b.cursor, s.ahead[id])
	if status != ring.Held {
		s.ClearAhead(id)
		return true
	}
	if b.cursor = pos; done {
		s.ClearAhead(id)
	}
	return done
}

// Wrote implements conn.Source. It moves the cursors of those whose frames were written.
func (s *Shard) Wrote(n int) (rest []byte) {
	for i := range s.pass.pieces {
		p := &s.pass.pieces[i]
		b := s.subs.At(p.sub)
		if n >= len(p.data) {
			s.deliveries += countFrames(p.data)
			b.cursor = p.to
			n -= len(p.data)
			continue
		}
		end := 0
		for end < n {
			end += frame.Len(p.data[end:])
			s.deliveries++
		}
		b.cursor += uint64(end)
		return p.data[n:end]
	}
	return nil
}

func countFrames(b []byte) (n int) {
	for ; len(b) > 0; n++ {
		b = b[frame.Len(b):]
	}
	return n
}
