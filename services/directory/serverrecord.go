package directory

import (
	"context"
	"errors"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// maxServerTries is how often changeServer tries while others change the record.
const maxServerTries = 20

var errServerChanges = chat.E(chat.CodeConflict, "somebody else changed this at the same moment: try again")

// serverRecord reads and changes the server's record: its operators and auditors, and who may come
// in.
type serverRecord struct {
	*core

	recent recent
}

// admission returns who may come in: as an operator has set it, or else as the process was started.
func (s *serverRecord) admission(r store.Server) admission {
	a := admission{Registration: r.Registration, Guests: r.Guests}
	if a.Registration == "" {
		a.Registration = registrationClosed
		if s.cfg.Registration {
			a.Registration = registrationOpen
		}
	}
	if a.Guests == "" {
		a.Guests = guestsOff
		if s.cfg.Guests {
			a.Guests = guestsOn
		}
	}
	if a.Guests == guestsRooms {
		a.GuestRooms = r.GuestRooms
	}
	return a
}

// recentServer returns the server's record as it was at most serverFresh ago. Callers must not
// change it.
func (s *serverRecord) recentServer(ctx context.Context) (store.Server, error) {
	s.recent.mu.Lock()
	record, at := s.recent.record, s.recent.at
	s.recent.mu.Unlock()
	now := time.Now()
	if !at.IsZero() && now.Sub(at) < serverFresh {
		return record, nil
	}
	record, err := s.store.Server(ctx)
	if err != nil {
		return record, err
	}
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	s.recent.record, s.recent.at = record, now
	return record, nil
}

// forgetRecent drops the cache after this process has changed the record.
func (s *serverRecord) forgetRecent() {
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	s.recent.at = time.Time{}
}

// changeServer changes the server's record. It stores the copy that it passes to change, unless
// change returns an error, and calls change again with a new copy if somebody else has changed the
// record meanwhile.
func (s *serverRecord) changeServer(ctx context.Context, change func(*store.Server) error) error {
	for range maxServerTries {
		r, err := s.store.Server(ctx)
		if err != nil {
			return err
		}
		r = r.Clone()
		if r.Roles == nil {
			r.Roles = map[string]directoryapi.Role{}
		}
		if err := change(&r); err != nil {
			return err
		}
		err = s.store.PutServer(ctx, r)
		s.forgetRecent()
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return errServerChanges
}

// serverRole returns a user's role on the server; empty: none.
func (s *serverRecord) serverRole(ctx context.Context, user string) (directoryapi.Role, error) {
	r, err := s.store.Server(ctx)
	return r.Roles[user], err
}
