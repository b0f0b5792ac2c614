package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// The service checks a quota twice: before it stores something, to refuse early, and again
// afterwards, because other requests may have come in between. The last request sees all of them,
// so no quota is ever exceeded, with any number of replicas and without a transaction. Of two
// simultaneous requests both may be refused.

// quotas limits how many rooms, memberships and direct rooms a user has.
type quotas struct {
	*core
	rights *rights
}

// keepQuota calls undo if over says that the quota is exceeded. The error then has
// store.ErrNotFound in its chain, so that change announces nothing.
func (s *quotas) keepQuota(ctx context.Context, over error, undo func(context.Context) error) error {
	switch chat.CodeOf(over) {
	case chat.CodeTooMany, chat.CodeRateLimited:
	default:
		return over
	}
	if err := undo(ctx); err != nil {
		return err
	}
	return errors.Join(over, store.ErrNotFound)
}

// checkMade returns an error unless a user may make this many more rooms. The quotas limit the
// rooms that a user made recently, and the public rooms of a guest.
func (s *quotas) checkMade(ctx context.Context, c auth.Claims, private bool, more int) error {
	if !private {
		if err := s.rights.accountMay(c, directoryapi.ActionPublish); err != nil {
			return err
		}
	}
	dayAgo := time.Now().Add(-24 * time.Hour).UnixMilli()
	since := dayAgo
	if c.Guest {
		since = 0 // a guest's public rooms count for as long as the guest lasts
	}
	made, err := s.store.RoomsBy(ctx, c.User, since, s.cfg.RoomsDay+s.cfg.DirectDay+maxMadeRooms)
	if err != nil {
		return err
	}
	groups, public := 0, 0
	for _, r := range made {
		if isTalk(r) {
			continue
		}
		if r.Created >= dayAgo {
			groups++
		}
		if !r.Private {
			public++
		}
	}
	switch {
	case groups+more > s.cfg.RoomsDay:
		return &chat.Error{Code: chat.CodeRateLimited, Message: "too many new rooms: wait a while", RetryAfter: time.Hour}
	case c.Guest && !private && public+more > s.cfg.GuestPublic:
		return chat.E(chat.CodeTooMany, fmt.Sprintf("a guest can make at most %d public rooms: register, or make it private", s.cfg.GuestPublic))
	}
	return nil
}

// checkDirects returns an error unless a user may open this many more direct rooms.
func (s *quotas) checkDirects(ctx context.Context, c auth.Claims, more int) error {
	hour, day := s.cfg.DirectHour, s.cfg.DirectDay
	if c.Guest {
		hour, day = s.cfg.GuestDirect/2, s.cfg.GuestDirect
	}
	now := time.Now()
	made, err := s.store.RoomsBy(ctx, c.User, now.Add(-24*time.Hour).UnixMilli(), s.cfg.DirectDay+maxMadeRooms)
	if err != nil {
		return err
	}
	inHour, inDay := 0, 0
	for _, r := range made {
		if !isTalk(r) {
			continue
		}
		inDay++
		if r.Created > now.Add(-time.Hour).UnixMilli() {
			inHour++
		}
	}
	if inHour+more > hour || inDay+more > day {
		return &chat.Error{Code: chat.CodeRateLimited, Message: "too many new direct rooms: wait a while", RetryAfter: time.Hour}
	}
	return nil
}

// checkRoomCount returns an error if a user cannot be in this many more rooms.
func (s *quotas) checkRoomCount(ctx context.Context, user string, more int) error {
	rooms, err := s.store.GroupsOf(ctx, user, maxRooms+1)
	if err != nil {
		return err
	}
	if len(rooms)+more > maxRooms {
		return chat.E(chat.CodeTooMany, fmt.Sprintf("a user can be in at most %d rooms: leave one first", maxRooms))
	}
	return nil
}
