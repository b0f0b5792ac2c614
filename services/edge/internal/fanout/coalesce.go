package fanout

import "time"

// deferral has the sets whose delivery waits for more news, so that they share a write. A topic
// that has had nothing for a while does not wait. See docs/decisions/0018-coalescing.md.
type deferral struct {
	// for which a topic waits for each of its connections: a small one has little to save
	each    time.Duration
	waiting []*subscriberSet
	// since the process started: when the first of them has waited for long enough
	due time.Duration
}

// CoalesceEach is four or five times what a write takes: a busy room's writes leave most of the
// loop's time to others, unless there are more than Options.Coalesce has room for.
const CoalesceEach = 20 * time.Microsecond

// deferFlush delays the delivery to a set when the set had a delivery less than Options.Coalesce
// ago, and reports whether it does.
func (s *Shard) deferFlush(a *subscriberSet) bool {
	d := &s.deferral
	due := a.passedAt + min(s.hub.Options.Coalesce, time.Duration(len(a.subs))*d.each)
	if s.conn.At() >= due || a.flags&setPass != 0 {
		return false
	}
	if len(d.waiting) == 0 || due < d.due {
		d.due = due
	}
	d.waiting = append(d.waiting, a)
	return true
}

// endDeferral ends the wait of all sets once the first of them has waited for long enough: a
// connection in several of them gets their frames with one write, and a turn in which nothing is
// due looks at no set.
func (s *Shard) endDeferral() {
	d := &s.deferral
	if len(d.waiting) == 0 || s.conn.At() < d.due {
		return
	}
	for _, a := range d.waiting {
		a.passedAt = s.conn.At() - s.hub.Options.Coalesce // so that it is not deferred again
	}
	s.dirty = append(s.dirty, d.waiting...)
	clear(d.waiting)
	d.waiting = d.waiting[:0]
}

// limit returns for how long the loop may wait while a set waits, if for all else it may for so
// long (negative: for ever), at a time since the process started.
func (d *deferral) limit(wait, now time.Duration) time.Duration {
	left := max(0, d.due-now)
	if wait < 0 {
		return left
	}
	return min(wait, left)
}
