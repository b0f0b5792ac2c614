package directory

import (
	"context"
	"errors"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// roomThere returns a room, and whether there is one.
func (s *Service) roomThere(ctx context.Context, id string) (store.Room, bool, error) {
	r, err := s.store.Room(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return r, false, nil
	}
	return r, err == nil, err
}

// nameOf returns the name of a user as it is now; none for a user who is gone.
func (s *Service) nameOf(ctx context.Context, id string) (string, error) {
	u, err := s.store.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return u.Name, err
}

// act returns the event of what an intent's actor has done to its room or its user.
func (s *Service) act(ctx context.Context, i store.Intent, act string) (chat.Event, error) {
	name, err := s.nameOf(ctx, i.Actor)
	return chat.Event{
		Type: chat.TypeModerated, Act: act, Room: i.Room, ID: i.ID, User: i.Actor, Name: name, Member: i.User, MemberName: i.Name, TS: i.Created,
	}, err
}

// tellModerated tells an act against a user to the room that it was done in, unless the server
// keeps that from others, and to the user.
func (s *Service) tellModerated(ctx context.Context, e chat.Event) error {
	if e.Room != wholeServer && s.cfg.ShowModeration {
		_, there, err := s.roomThere(ctx, e.Room)
		if err == nil && there {
			err = s.event(ctx, e)
		}
		if err != nil {
			return err
		}
	}
	e.Target, e.Room = e.Room, chat.UserRoom(e.Member)
	return s.event(ctx, e)
}
