package rooms

import (
	"slices"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/session"
)

// wanted is what a client has asked to follow, and has no subscription to yet: it waits for
// permission, or is parked. A watch stays one until it is answered.
type wanted struct {
	kind     Kind
	id, room string
}

// whenAdmitted goes on with what a client wants to follow, and what is noted as wanted, when it is
// known that its user may read the room. It answers the command otherwise. Nothing follows on what
// was withdrawn meanwhile.
func (s *Shard) whenAdmitted(slot uint32, w *wanted, then func(slot uint32, a directory.Access)) {
	s.sess.WithAccess(slot, w.room, func(slot uint32, a directory.Access, err error) {
		switch {
		case !slices.Contains(s.wanted[slot], w):
		case err != nil:
			s.refuseWanted(slot, w, err)
		case !a.Read:
			s.refuseWanted(slot, w, session.ErrForbidden)
		default:
			then(slot, a)
		}
	})
}

// unwant removes something from what a client wants, and reports whether it was there: what was
// withdrawn is not.
func (s *Shard) unwant(slot uint32, w *wanted) bool {
	all := s.wanted[slot]
	at := slices.Index(all, w)
	if at < 0 {
		return false
	}
	if all = slices.Delete(all, at, at+1); len(all) == 0 {
		delete(s.wanted, slot)
		return true
	}
	s.wanted[slot] = all
	return true
}

func (s *Shard) refuseWanted(slot uint32, w *wanted, err error) {
	s.unwant(slot, w)
	s.sess.ReplyErrorTo(slot, w.id, err)
}

// withdraw removes what a client wants of a topic from its list, and returns it, unanswered.
func (s *Shard) withdraw(slot uint32, kind Kind, room string) (gone []*wanted) {
	for _, w := range s.wanted[slot] {
		if w.kind == kind && w.room == room {
			gone = append(gone, w)
		}
	}
	for _, w := range gone {
		s.unwant(slot, w)
	}
	return gone
}

// Leave takes a session out of a room that its client no longer wants, and ends its joins of it
// that are under way: after the ack nothing comes of what was asked before. It answers the command.
func (s *Shard) Leave(slot uint32, room string, id []byte) {
	s.depart(slot, room, errLeft)
	s.sess.Ack(slot, id)
	s.unpark(slot)
}

// depart takes a session out of a room, answers its joins of the room that are under way with an
// error, and reports whether it had a subscription. The caller unparks: those joins were perhaps in
// the way of others.
func (s *Shard) depart(slot uint32, room string, e *chat.Error) bool {
	id := s.findTopic(slot, Log, room)
	if id != fanout.None {
		if j := s.joins[id]; j != nil {
			s.sess.ReplyErrorTo(slot, j.id, e)
		}
		member := s.fan.Confirmed(id)
		s.counts.At(slot).rooms--
		s.dropSub(id)
		if member {
			s.sess.ReportLeave(slot, room)
		}
	}
	for _, w := range s.withdraw(slot, Log, room) {
		s.sess.ReplyErrorTo(slot, w.id, e)
	}
	if m := s.waits[slot]; m != nil {
		m.parked = slices.DeleteFunc(m.parked, func(j *joining) bool { return j.room == room })
	}
	return id != fanout.None
}
