package membus

import "hubbub.internal/libs/bus"

// Down takes the server away, as a network that is cut: calls wait for it until their contexts end, appends for
// bus.AppendTimeout, and what is published is lost. Entries that were appended before are still delivered.
func (s *Server) Down() { s.set(&s.down, true) }

// Up brings it back. Nothing is lost, but watchers are told that hints may be.
func (s *Server) Up() {
	s.set(&s.down, false)
	s.suspect()
}

// Hold keeps all callbacks of all buses back, in order, until Release: the network is slow.
func (s *Server) Hold() { s.hold(true) }

// Release undoes Hold.
func (s *Server) Release() { s.hold(false) }

// LoseHints has watchers miss the hints of what is appended until it is called again with false. They are told nothing of
// that: see bus.Watcher.
func (s *Server) LoseHints(lose bool) { s.set(&s.deaf, lose) }

// Fail has calls fail with what f returns for them: its arguments are the name of the method, such as Append or Request,
// and that of the room, channel, group or service. nil ends that. f must not call the bus.
func (s *Server) Fail(f func(call, name string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
	s.wake()
}

// Rewind takes the entries of a room after a Seq away, as a failover does that loses the end of a log, and tells its
// followers and all watchers. The log goes on above the Seqs that are lost.
func (s *Server) Rewind(name string, after uint64) {
	s.mu.Lock()
	r := s.room(name)
	kept := r.records[:0:0]
	for _, rec := range r.records {
		if rec.Seq <= after {
			kept = append(kept, rec)
			continue
		}
		rec.removed = true // for groups, which may have read it
		delete(s.keys, key{rec.Room, rec.Sender, rec.ID})
	}
	r.records = kept
	r.head = bus.Position{}
	if n := len(kept); n > 0 {
		r.head = bus.Position{Seq: kept[n-1].Seq, ID: kept[n-1].ID}
	}
	for _, f := range r.followers {
		head := r.head.Seq
		f.until = head
		f.b.queue.add(func() { f.call(func() { f.f.Rewound(name, head) }) })
	}
	s.mu.Unlock()
	s.suspect()
}

func (s *Server) suspect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := range s.buses {
		for _, w := range b.watchers {
			b.queue.add(func() { w.call(w.w.Suspect) })
		}
	}
}

func (s *Server) set(what *bool, to bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*what = to
	s.wake()
}

func (s *Server) hold(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	for b := range s.buses {
		b.queue.set(held)
	}
}
