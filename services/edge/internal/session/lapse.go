package session

import (
	"context"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
)

// A token is verified once, at hello, and a socket may stay open for much longer than the token is
// good for. When it has run out, the edge asks the directory whether the session that it was made
// for goes on, and again after each such time. The control log reports most ends at
// once; this finds the others: sessions that expired, and entries that were lost with a log.

// lapse adds a session whose token has run out to those that checkLapsed asks about. Timeout calls
// it.
func (s *Shard) lapse(slot uint32) {
	ses := s.sessions.At(slot)
	if s.conn.State(slot) == conn.Ready && ses.who.lapsed(time.Now()) {
		s.lapsed = append(s.lapsed, s.conn.Ref(slot))
	}
}

// checkLapsed asks about the sessions that were noted, some at a time. Those for which there is no
// answer are noted again by their next timeouts: while the directory is away, sockets stay.
func (s *Shard) checkLapsed() {
	if s.checking || len(s.lapsed) == 0 {
		return
	}
	var asked []conn.Ref
	var sessions []directory.Session
	n := min(len(s.lapsed), directory.MaxSessions)
	for _, r := range s.lapsed[:n] {
		if s.conn.Alive(r) {
			ses := s.sessions.At(r.Slot)
			asked = append(asked, r)
			sessions = append(sessions, directory.Session{ID: ses.who.session(), User: ses.who.user()})
		}
	}
	s.lapsed = append(s.lapsed[:0], s.lapsed[n:]...)
	if len(s.lapsed) == 0 {
		s.lapsed = nil
	}
	if len(asked) == 0 {
		return
	}
	now := time.Now()
	s.checking = s.hub.Jobs.Do(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
		defer cancel()
		ended, err := s.hub.Directory.Sessions(ctx, sessions)
		s.conn.Post(func() {
			s.checking = false
			if err != nil {
				s.hub.Log.Debug("cannot ask the directory which sessions have ended; their sockets stay open for now", zap.Error(err))
				return
			}
			s.checked(asked, ended, now)
		})
	})
}

// checked closes the sessions that have ended, of those that the directory was asked about at a
// time.
func (s *Shard) checked(asked []conn.Ref, ended []int, at time.Time) {
	for _, i := range ended {
		if i >= 0 && i < len(asked) && s.conn.Alive(asked[i]) {
			s.conn.Close(asked[i].Slot, wire.CloseRevoked, "the session has ended: log in again")
		}
	}
	for _, r := range asked {
		if s.conn.Alive(r) {
			ses := s.sessions.At(r.Slot)
			// A revocation from before that moment would have been in the answer, and a later one
			// still closes it.
			ses.who.goodAt(at)
		}
	}
}
