package conn

import (
	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/frame"
)

// Push queues a text frame for a session.
func (s *Shard) Push(slot uint32, payload []byte) {
	s.pushFrame(slot, ws.OpText, payload)
}

func (s *Shard) pushFrame(slot uint32, op ws.OpCode, payload []byte) {
	s.putFrame(slot, op, payload)
	s.Enqueue(slot)
}

func (s *Shard) putFrame(slot uint32, op ws.OpCode, payload []byte) {
	ses := s.sessions.At(slot)
	s.buffers.Grow(&ses.out, frame.MaxHeader+len(payload))
	s.buffers.Set(ses.out, frame.Append(ses.out.Tail(), op, payload))
}

// PushFrames queues whole frames for a session.
func (s *Shard) PushFrames(slot uint32, frames []byte) {
	if len(frames) > 0 {
		s.buffers.Append(&s.sessions.At(slot).out, frames)
		s.Enqueue(slot)
	}
}

// Enqueue schedules a flush of a session in this turn.
func (s *Shard) Enqueue(slot uint32) {
	if ses := s.sessions.At(slot); ses.flags&flQueued == 0 {
		ses.flags |= flQueued
		s.queue = append(s.queue, slot)
	}
}

// Lag says that the source may have more for a session than it has enqueued it for: the session's
// next flush asks for all.
func (t *table) Lag(slot uint32) { t.sessions.At(slot).flags |= flLagging }

// NotifyFlushed asks for one call of Handler.Flushed, when everything that there is for a session
// has been written.
func (t *table) NotifyFlushed(slot uint32) { t.sessions.At(slot).flags |= flNotify }

// flushAll writes what there is for the sessions that were enqueued, with one system call each.
func (s *Shard) flushAll() {
	queue := s.queue
	s.queue = s.again[:0]
	for _, slot := range queue {
		ses := s.sessions.At(slot)
		ses.flags &^= flQueued
		if ses.state == Free || ses.flags&flBlocked != 0 {
			s.source.Skipped(slot)
			if ses.state == Ready && ses.out.Len() > s.hub.Options.Outstanding {
				s.Close(slot, wire.CloseResume, "too much waits to be written: resume")
			}
			continue
		}
		s.flush(slot)
	}
	s.again = queue[:0]
	s.source.Delivered()
}

// flush writes a session's output, and behind it what the source has for it.
func (s *Shard) flush(slot uint32) {
	ses := s.sessions.At(slot)
	lagging := ses.flags&flLagging != 0
	ses.flags &^= flLagging
	bufs := append(s.bufs[:0], nil) // the first is the session's own output
	if ses.state == Ready {
		var ok bool
		if bufs, ok = s.source.Gather(slot, lagging, bufs); !ok {
			return // the session was closed, which has enqueued it again
		}
	} else {
		s.source.Skipped(slot)
	}
	own := ses.out.Len()
	total := own
	for _, b := range bufs[1:] {
		total += len(b)
	}
	if total == 0 {
		s.flushed(slot, ses)
		return
	}
	if own == 0 {
		bufs = bufs[1:]
	} else {
		bufs[0] = ses.out.Bytes()
	}
	n, err := s.loop.Write(slot, bufs)
	if err != nil {
		s.Gone(slot)
		s.loop.Close(slot)
		return
	}
	s.stats.writes++
	s.stats.sent += n
	if n < own {
		ses.out.Skip(n)
	} else {
		s.buffers.Free(&ses.out)
		if rest := s.source.Wrote(n - own); len(rest) > 0 {
			// The frame that was cut is finished from the session's own output, so that others may
			// come between frames.
			s.buffers.Append(&ses.out, rest)
		}
	}
	if n < total {
		s.block(slot)
		return
	}
	s.flushed(slot, ses)
}

// block waits until the kernel takes more.
func (s *Shard) block(slot uint32) {
	ses := s.sessions.At(slot)
	if ses.flags&flBlocked != 0 {
		return
	}
	ses.flags |= flBlocked
	if ses.state != Closing {
		ses.since = s.now
		s.after(slot, s.hub.Options.WriteTimeout)
	}
}

// Writable implements transport.Handler.
func (s *Shard) Writable(slot uint32) {
	ses := s.sessions.At(slot)
	if ses.state == Free || ses.flags&flBlocked == 0 {
		return
	}
	s.clock.read()
	ses.flags = ses.flags&^flBlocked | flLagging
	s.Enqueue(slot)
	s.keepAlive(slot)
}

// flushed goes on after everything that was there has been written.
func (s *Shard) flushed(slot uint32, ses *session) {
	switch {
	case ses.flags&flFinish != 0:
		ses.flags &^= flFinish
		s.loop.Finish(slot)
	case ses.flags&flLagging != 0:
		s.Enqueue(slot)
	case ses.flags&flNotify != 0:
		ses.flags &^= flNotify
		s.handler.Flushed(slot)
	}
}
