package membus

import (
	"slices"

	"hubbub.internal/libs/bus"
)

// Down takes the server away, as a cut network does: calls wait until their contexts end, appends
// wait for bus.AppendTimeout, and published messages are lost. Entries that were appended before
// are still delivered.
func (s *Server) Down() { s.set(func() { s.down = true }) }

// Up brings the server back. Nothing is lost, but watchers are told that hints may be.
func (s *Server) Up() {
	s.set(func() {
		s.down = false
		s.suspect()
	})
}

// Hold holds all callbacks of all buses back, in order, until Release: the network is slow.
func (s *Server) Hold() { s.set(func() { s.held = true }) }

// Release undoes Hold.
func (s *Server) Release() { s.set(func() { s.held = false }) }

// LoseHints withholds from watchers the hints of new entries, until it is called again with false.
// Watchers are not told: see bus.Watcher.
func (s *Server) LoseHints(lose bool) { s.set(func() { s.deaf = lose }) }

// Fail makes calls fail with what f returns for them: its arguments are the name of the method,
// such as Append or Request, and that of the room, channel, group or service. A nil f ends that. f
// must not call the bus.
func (s *Server) Fail(f func(call, name string) error) { s.set(func() { s.fail = f }) }

// failure is what Fail has for a call. It is called with mu held.
func (s *Server) failure(call, name string) error {
	if s.fail == nil {
		return nil
	}
	return s.fail(call, name)
}

// Rewind removes the entries of a room after a Seq, as a failover does that loses the end of a log,
// and tells its followers and all watchers. The log goes on above the lost Seqs.
func (s *Server) Rewind(name string, after uint64) {
	s.set(func() {
		head := bus.Position{}
		s.log = slices.DeleteFunc(s.log, func(rec *record) bool {
			lost := rec.Room == name && rec.Seq > after
			if lost {
				delete(s.keys, key{rec.Room, rec.Sender, rec.ID})
				s.bytes -= int64(len(rec.Data))
			} else if rec.Room == name {
				head = bus.Position{Seq: rec.Seq, ID: rec.ID}
			}
			return lost
		})
		s.rooms[name] = room{head: head, trimmed: s.rooms[name].trimmed}
		for _, sub := range s.subs {
			if sub.follower != nil && sub.name == name {
				sub.until = head.Seq
				sub.b.later(sub, func() { sub.follower.Rewound(name, head.Seq) })
			}
		}
		s.suspect()
	})
}

// suspect tells all watchers that hints may be lost. It is called with mu held.
func (s *Server) suspect() {
	for _, sub := range s.subs {
		if sub.watcher != nil {
			sub.b.later(sub, sub.watcher.Suspect)
		}
	}
}

// set changes the server's state, and wakes all waiting calls.
func (s *Server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.more.Broadcast()
}
