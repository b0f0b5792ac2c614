package directory

import (
	"context"
	"errors"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// maxServerTries is how often a change of the server's record is tried while others change it.
const maxServerTries = 20

var errServerChanges = chat.E(chat.CodeConflict, "somebody else changed this at the same moment: try again")

// serverRecord reads and changes the record of the server: its operators and auditors, and who
// may come in.
type serverRecord struct {
	*core

	recent recent
}

// admission returns who may come in: what an operator has said, or else what the process was
// started with.
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

// recentServer returns the record of the server, as it was at most serverFresh ago. It is not to be
// changed.
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

// forgetRecent drops the cache, so that the next question reads the record, which this process has
// just changed.
func (s *serverRecord) forgetRecent() {
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	s.recent.at = time.Time{}
}

// changeServer changes the record of the server. change gets a copy of what it is, once more when
// somebody else has changed that meanwhile, and returns nil for the copy to be kept.
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

// serverRole returns the role of a user in directoryapi.WholeServer; empty: none.
func (s *serverRecord) serverRole(ctx context.Context, user string) (directoryapi.Role, error) {
	r, err := s.store.Server(ctx)
	return r.Roles[user], err
}
