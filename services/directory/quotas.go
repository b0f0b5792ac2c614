package directory

import (
	"context"
	"fmt"
	"time"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

// checkMade returns an error if a user has made as many rooms lately as one may, or a guest as many public ones as there may be.
func (s *Service) checkMade(ctx context.Context, c auth.Claims, private bool) error {
	dayAgo := time.Now().Add(-24 * time.Hour).UnixMilli()
	since := dayAgo
	if c.Guest {
		since = 0 // public rooms count for as long as the guest lasts
	}
	made, err := s.store.RoomsBy(ctx, c.User, since, s.cfg.RoomsDay+s.cfg.DirectDay+maxMadeRooms)
	if err != nil {
		return err
	}
	groups, public := 0, 0
	for _, r := range made {
		if r.Direct {
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
	case groups >= s.cfg.RoomsDay:
		return &chat.Error{Code: chat.CodeRateLimited, Message: "too many new rooms: wait a while", RetryAfter: time.Hour}
	case c.Guest && !private && public >= s.cfg.GuestPublic:
		return chat.E(chat.CodeTooMany, fmt.Sprintf("a guest can make at most %d public rooms: register, or make it private", s.cfg.GuestPublic))
	}
	return nil
}
