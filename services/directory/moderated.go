package directory

import (
	"context"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// act returns the event that says what an intent's actor did to its room or its user.
func (s *changes) act(ctx context.Context, i store.Intent, act string) (chat.Event, error) {
	name, err := s.records.nameOf(ctx, i.Actor)
	return chat.Event{
		Type: chat.TypeModerated, Act: act, Room: i.Room, ID: i.ID, User: i.Actor, Name: name, Member: i.User, MemberName: i.Name, TS: i.Created,
	}, err
}

// tellModerated tells the user of an act against them, and the room in which it was done, unless
// the server keeps such acts private.
func (s *changes) tellModerated(ctx context.Context, e chat.Event) error {
	if e.Room != wholeServer && s.cfg.ShowModeration {
		_, there, err := s.records.roomThere(ctx, e.Room)
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
