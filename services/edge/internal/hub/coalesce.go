package hub

import "time"

// coalescing is the part of a shard that has the news of busy rooms wait for more, so that they
// share a write. A room that has had nothing for a while does not wait. See
// docs/decisions/0018-coalescing.md.
type coalescing struct {
	// for which a room waits for each of its sockets: a small one has little to save
	each    time.Duration
	waiting []*audience
	// since the process started: when the first of them has waited for long enough
	due time.Duration
}

// coalesceEach is four or five times what a write takes: a busy room's writes leave most of the
// loop's time to others, unless there are more than Options.Coalesce has room for.
const coalesceEach = 20 * time.Microsecond

// hold has a room's news wait, if the room has had some just before.
func (s *Shard) hold(a *audience) bool {
	due := a.spread + min(s.hub.opts.Coalesce, time.Duration(len(a.subs))*s.each)
	if s.conn.At() >= due || a.flags&audPass != 0 {
		return false
	}
	if len(s.waiting) == 0 || due < s.due {
		s.due = due
	}
	s.waiting = append(s.waiting, a)
	return true
}

// release ends the wait of all rooms once the first of them has waited for long enough: whoever is
// in several gets them with one write, and a turn in which nothing is due looks at no room.
func (s *Shard) release() {
	if len(s.waiting) == 0 || s.conn.At() < s.due {
		return
	}
	for _, a := range s.waiting {
		a.spread = s.conn.At() - s.hub.opts.Coalesce // so that it is not held again
	}
	s.dirty = append(s.dirty, s.waiting...)
	clear(s.waiting)
	s.waiting = s.waiting[:0]
}

// patience returns for how long the loop may wait, if for all else it may for so long (negative:
// for ever). The turn has taken some time itself.
func (s *Shard) patience(wait time.Duration) time.Duration {
	if len(s.waiting) == 0 {
		return wait
	}
	left := max(0, s.due-s.conn.Elapsed())
	if wait < 0 {
		return left
	}
	return min(wait, left)
}
