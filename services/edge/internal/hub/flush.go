package hub

import (
	"time"

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

// flushAll writes what is due to sockets, with one system call each.
func (s *Shard) flushAll() {
	queue := s.queue
	s.queue = s.again[:0]
	for _, slot := range queue {
		ses := s.sessions.at(slot)
		ses.flags &^= flQueued
		if ses.state == stFree || ses.flags&flBlocked != 0 {
			s.owesNothing(ses)
			if ses.state == stReady && ses.out.Len() > s.hub.opts.Outstanding {
				s.close(slot, wire.CloseResume, "too much waits to be written: resume")
			}
			continue
		}
		s.flush(slot)
	}
	s.again = queue[:0]
	s.unload()
}

// owesNothing empties a session's due list. What its subs have not had they find by their cursors.
func (s *Shard) owesNothing(ses *session) {
	for id := ses.due; id != none; {
		b := s.subs.at(id)
		b.flags &^= subDue
		id, b.due = b.due, none
	}
	ses.due = none
}

// flush writes a session's output and the frames of its subs: those that are due, or, when it lags,
// of all.
func (s *Shard) flush(slot uint32) {
	ses := s.sessions.at(slot)
	s.pieces, s.late = s.pieces[:0], s.late[:0]
	lagging := ses.flags&flLagging != 0
	ses.flags &^= flLagging
	if ses.state == stReady {
		first := ses.due
		if lagging {
			first = ses.subs
		}
		for id := first; id != none; {
			b := s.subs.at(id)
			next := b.due
			if lagging {
				next = b.next
			}
			if !s.gather(id) {
				s.owesNothing(ses)
				return // the session was closed, which has queued it again
			}
			id = next
		}
	}
	s.owesNothing(ses)
	s.bufs = s.bufs[:0]
	own := ses.out.Len()
	if own > 0 {
		s.bufs = append(s.bufs, ses.out.Bytes())
	}
	total := own
	for i := range s.pieces {
		s.bufs = append(s.bufs, s.pieces[i].data)
		total += len(s.pieces[i].data)
	}
	if total == 0 {
		s.flushed(slot)
		return
	}
	n, err := s.loop.Write(slot, s.bufs)
	if err != nil {
		s.Gone(slot)
		s.loop.Close(slot)
		return
	}
	s.stats.writes++
	s.stats.sent += n
	s.settle(slot, n, own)
	if n < total {
		s.block(slot)
		return
	}
	s.flushed(slot)
}

// gather adds a sub's frames to what is written. It returns false when that has closed the session.
func (s *Shard) gather(id uint32) bool {
	b := s.subs.at(id)
	a := b.aud
	if b.index == none {
		return true
	}
	ses := s.sessions.at(b.slot)
	if len(s.pieces) == transport.MaxBufs-1 {
		ses.flags |= flLagging
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
		s.close(b.slot, wire.CloseResume, "behind in the rooms that it is in: resume")
		return false
	case ring.Rewound:
		s.rejoin(id)
		ses.flags |= flLagging
		return true
	}
	if s.late = out; to > b.cursor {
		s.pieces = append(s.pieces, piece{id, out[at:], to})
		ses.flags |= flLagging // there may be more
	}
	return true
}

// catchUp moves a sub over entries that it has already, and reports whether there are others.
func (s *Shard) catchUp(id uint32) bool {
	b := s.subs.at(id)
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

// settle takes n written bytes, the first of them of the session's own output, into account.
func (s *Shard) settle(slot uint32, n, own int) {
	ses := s.sessions.at(slot)
	if n < own {
		ses.out.Skip(n)
		return
	}
	s.buffers.Free(&ses.out)
	n -= own
	for i := range s.pieces {
		p := &s.pieces[i]
		b := s.subs.at(p.sub)
		if n == 0 && len(p.data) > 0 {
			return
		}
		if n >= len(p.data) {
			s.stats.deliveries += frames(p.data)
			b.cursor = p.to
			n -= len(p.data)
			continue
		}
		// The frame that was cut is finished from the session's own output, so that others may come
		// between frames.
		end := 0
		for end < n {
			end += frame.Len(p.data[end:])
			s.stats.deliveries++
		}
		if end > n {
			s.buffers.Append(&ses.out, p.data[n:end])
		}
		b.cursor += uint64(end)
		return
	}
}

func frames(b []byte) (n int) {
	for ; len(b) > 0; n++ {
		b = b[frame.Len(b):]
	}
	return n
}

// block waits until the kernel takes more.
func (s *Shard) block(slot uint32) {
	ses := s.sessions.at(slot)
	if ses.flags&flBlocked != 0 {
		return
	}
	ses.flags |= flBlocked
	if ses.state != stClosing {
		ses.since = s.now
		s.after(slot, s.hub.opts.WriteTimeout)
	}
}

// Writable implements transport.Handler.
func (s *Shard) Writable(slot uint32) {
	ses := s.sessions.at(slot)
	if ses.state == stFree || ses.flags&flBlocked == 0 {
		return
	}
	s.clock()
	ses.flags = ses.flags&^flBlocked | flLagging
	s.enqueue(slot)
	s.keepAlive(slot)
}

// flushed goes on after everything that was there has been written.
func (s *Shard) flushed(slot uint32) {
	ses := s.sessions.at(slot)
	switch {
	case ses.flags&flFinish != 0:
		ses.flags &^= flFinish
		s.loop.Finish(slot)
	case ses.flags&flLagging != 0:
		s.enqueue(slot)
	case ses.more != nil:
		s.unpark(slot)
	}
}

// writeStuck reports whether a blocked session has waited for too long.
func (s *Shard) writeStuck(ses *session) bool {
	return ses.flags&flBlocked != 0 && s.now-ses.since >= uint32(s.hub.opts.WriteTimeout/time.Millisecond)
}
