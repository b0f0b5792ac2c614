package fanout

import "hubbub.internal/services/edge/internal/ring"

// First returns the first subscriber of a connection, or None.
func (s *Shard) First(slot uint32) uint32 { return s.slots.At(slot).subs }

// Next returns the subscriber after one of the same connection, or None.
func (s *Shard) Next(id uint32) uint32 { return s.subs.At(id).next }

// Each calls do for all subscribers. do neither subscribes nor unsubscribes anybody.
func (s *Shard) Each(do func(id, slot uint32)) {
	for id := range s.count {
		if b := s.subs.At(id); b.set != nil {
			do(id, b.slot)
		}
	}
}

// Count returns how many subscribers there are.
func (s *Shard) Count() int { return int(s.count) - len(s.free) }

// Owner returns the owner of the topic that a subscriber subscribes to.
func (s *Shard) Owner(id uint32) Owner { return s.subs.At(id).set.topic.owner }

// Slot returns the slot of a subscriber's connection.
func (s *Shard) Slot(id uint32) uint32 { return s.subs.At(id).slot }

// View returns the topic's frames in the form that a subscriber gets.
func (s *Shard) View(id uint32) ring.View { return s.subs.At(id).set.view }

// Listening reports whether frames are delivered to a subscriber.
func (s *Shard) Listening(id uint32) bool { return s.subs.At(id).index != None }

// Confirm marks a subscriber as one that its client knows of. The mark is the caller's: the shard
// only keeps it.
func (s *Shard) Confirm(id uint32) { s.subs.At(id).flags |= flConfirmed }

// Confirmed reports whether a subscriber is marked.
func (s *Shard) Confirmed(id uint32) bool { return s.subs.At(id).flags&flConfirmed != 0 }

// Cursor returns the position in the ring of the next frame that a subscriber gets.
func (s *Shard) Cursor(id uint32) uint64 { return s.subs.At(id).cursor }

// Seek sets a subscriber's cursor.
func (s *Shard) Seek(id uint32, position uint64) { s.subs.At(id).cursor = position }

// Ahead returns through which seq a subscriber has everything already, if that is further than the
// ring has come.
func (s *Shard) Ahead(id uint32) (seq uint64, ok bool) {
	if s.subs.At(id).flags&flAhead == 0 {
		return 0, false
	}
	return s.ahead[id], true
}

// SetAhead says that a subscriber has everything through seq already, which the ring does not have
// yet.
func (s *Shard) SetAhead(id uint32, seq uint64) {
	s.subs.At(id).flags |= flAhead
	s.ahead[id] = seq
}

// ClearAhead undoes SetAhead.
func (s *Shard) ClearAhead(id uint32) {
	s.subs.At(id).flags &^= flAhead
	delete(s.ahead, id)
}
