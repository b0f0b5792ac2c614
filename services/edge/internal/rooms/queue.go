package rooms

import "hubbub.internal/services/edge/internal/conn"

// How many joins of lists a shard begins in a turn, and of those of one session before it is the
// next session's turn.
const (
	joinsPerTurn    = 128
	joinsPerSession = 16
)

// joinQueue has the sessions whose lists of joins are not all begun, in the order of their turns.
// The joins stand in their waits.
type joinQueue struct {
	shard    *Shard
	sessions []conn.Ref
	posted   bool // a turn is to come that goes on with it
}

// JoinAll brings a session into several rooms, as Join does into each. It begins a few in a turn,
// so that other sessions of the loop do not wait for one that comes back to hundreds of rooms. A
// Leave that comes meanwhile finds those that are not begun, too.
func (s *Shard) JoinAll(slot uint32, all []JoinRequest) {
	if len(all) == 0 {
		return
	}
	m := s.waitsOf(slot)
	if len(m.listed) == 0 {
		s.queue.sessions = append(s.queue.sessions, s.conn.Ref(slot))
	}
	for _, r := range all {
		m.listed = append(m.listed, s.want(slot, r))
	}
	s.queue.post()
}

// post schedules the next turn of the loop for the queue, if there is something in it.
func (q *joinQueue) post() {
	if len(q.sessions) > 0 && !q.posted {
		q.posted = true
		q.shard.conn.Post(q.run)
	}
}

// run begins as many of the joins of lists as one turn may, of one session after the other.
func (q *joinQueue) run() {
	q.posted = false
	for begun := 0; begun < joinsPerTurn && len(q.sessions) > 0; {
		ref := q.sessions[0]
		if q.sessions = q.sessions[1:]; !q.shard.conn.Alive(ref) {
			continue
		}
		w := q.shard.waits[ref.Slot]
		n := min(len(w.listed), joinsPerSession, joinsPerTurn-begun)
		some := w.listed[:n]
		if w.listed = w.listed[n:]; len(w.listed) > 0 {
			q.sessions = append(q.sessions, ref)
		}
		begun += n
		q.begin(ref, some)
	}
	if len(q.sessions) == 0 {
		q.sessions = nil
	}
	q.post()
}

// begin begins joins of a session. Of those whose rooms it has left meanwhile nothing comes.
func (q *joinQueue) begin(ref conn.Ref, some []*joining) {
	s := q.shard
	for _, j := range some {
		if s.conn.Alive(ref) {
			s.admit(ref.Slot, j)
		}
	}
	if s.conn.Alive(ref) {
		s.compactWaits(ref.Slot)
	}
}
