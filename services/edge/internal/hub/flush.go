package hub

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/frame"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/transport"
)

// piece is what one write has of one sub.
type piece struct {
	sub  uint32
	data []byte
	to   uint64 // the position after it
}

// Deliver implements conn.Source.
func (s *Shard) Deliver() {
	s.release()
	s.spreadNews()
}

// Delivered implements conn.Source.
func (s *Shard) Delivered() { s.unload() }

// Skipped implements conn.Source.
func (s *Shard) Skipped(slot uint32) { s.owesNothing(s.sessions.At(slot)) }

// owesNothing empties a session's due list. What its subs have not had they find by their cursors.
func (s *Shard) owesNothing(ses *session) {
	for id := ses.due; id != none; {
		b := s.subs.At(id)
		b.flags &^= subDue
		id, b.due = b.due, none
	}
	ses.due = none
}

// Gather implements conn.Source. It appends the frames of a session's subs: of those that are due,
// or of all.
func (s *Shard) Gather(slot uint32, all bool, bufs [][]byte) (out [][]byte, ok bool) {
	ses := s.sessions.At(slot)
	s.pieces, s.late = s.pieces[:0], s.late[:0]
	first := ses.due
	if all {
		first = ses.subs
	}
	for id := first; id != none; {
		b := s.subs.At(id)
		next := b.due
		if all {
			next = b.next
		}
		if !s.gather(id) {
			s.owesNothing(ses)
			return bufs, false
		}
		id = next
	}
	s.owesNothing(ses)
	for i := range s.pieces {
		bufs = append(bufs, s.pieces[i].data)
	}
	return bufs, true
}

// gather adds a sub's frames to what is written. It returns false when that has closed the session.
func (s *Shard) gather(id uint32) bool {
	b := s.subs.At(id)
	a := b.aud
	if b.index == none {
		return true
	}
	if len(s.pieces) == transport.MaxBufs-1 {
		s.conn.Lag(b.slot)
		return true
	}
	if b.flags&subAhead != 0 && !s.catchUp(id) {
		return true
	}
	if a.loaded != 0 {
		if l := &s.loaded[a.loaded-1]; b.cursor >= l.base && b.cursor <= l.end {
			if b.cursor < l.end {
				s.pieces = append(s.pieces, piece{id, l.frames[b.cursor-l.base:], l.end})
			}
			return true
		}
	}
	at := len(s.late)
	out, to, status := a.view.Copy(s.late, b.cursor, s.bounds.late)
	switch status {
	case ring.Fallen:
		s.conn.Close(b.slot, wire.CloseResume, "behind in the rooms that it is in: resume")
		return false
	case ring.Rewound:
		s.rejoin(id)
		s.conn.Lag(b.slot)
		return true
	}
	if s.late = out; to > b.cursor {
		s.pieces = append(s.pieces, piece{id, out[at:], to})
		s.conn.Lag(b.slot) // there may be more
	}
	return true
}

// catchUp moves a sub over entries that it has already, and reports whether there are others.
func (s *Shard) catchUp(id uint32) bool {
	b := s.subs.At(id)
	pos, done, status := b.aud.view.Pass(b.cursor, s.ahead[id])
	if status != ring.Held {
		b.flags &^= subAhead
		delete(s.ahead, id)
		return true
	}
	b.cursor = pos
	if done {
		b.flags &^= subAhead
		delete(s.ahead, id)
	}
	return done
}

// Wrote implements conn.Source.
func (s *Shard) Wrote(n int) (rest []byte) {
	for i := range s.pieces {
		p := &s.pieces[i]
		b := s.subs.At(p.sub)
		if n == 0 && len(p.data) > 0 {
			return nil
		}
		if n >= len(p.data) {
			s.stats.deliveries += frames(p.data)
			b.cursor = p.to
			n -= len(p.data)
			continue
		}
		end := 0
		for end < n {
			end += frame.Len(p.data[end:])
			s.stats.deliveries++
		}
		b.cursor += uint64(end)
		return p.data[n:end]
	}
	return nil
}

func frames(b []byte) (n int) {
	for ; len(b) > 0; n++ {
		b = b[frame.Len(b):]
	}
	return n
}
