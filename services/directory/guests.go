package directory

import (
	"context"
	"slices"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// kindGuests is the kind of an intent to let guests into a room, or to keep them out.
const kindGuests = "guests"

var errNoGuestsHere = chat.E(chat.CodeForbidden, "this room admits no guests: register first")

// closedToGuests reports whether a room admits no guests: its owner keeps them out, or the operator
// names the rooms that admit them, and this is none of those.
func (s *rights) closedToGuests(ctx context.Context, room store.Room) (bool, error) {
	if room.NoGuests {
		return true, nil
	}
	r, err := s.serverRecord.recentServer(ctx)
	if err != nil {
		return false, err
	}
	a := s.serverRecord.admission(r)
	return a.Guests == guestsRooms && !slices.Contains(a.GuestRooms, room.ID), nil
}

// barred reports whether a user is a guest who may not enter a room. It reads the user from the
// store only where that matters.
func (s *rights) barred(ctx context.Context, room store.Room, user string) (bool, error) {
	if closed, err := s.closedToGuests(ctx, room); err != nil || !closed {
		return false, err
	}
	return s.records.isGuest(ctx, user)
}

// openToGuests returns those of the rooms that a guest may enter.
func (s *rights) openToGuests(ctx context.Context, rooms []store.Room) ([]store.Room, error) {
	var open []store.Room
	for _, r := range rooms {
		closed, err := s.closedToGuests(ctx, r)
		if err != nil {
			return nil, err
		}
		if !closed {
			open = append(open, r)
		}
	}
	return open, nil
}

// setGuests lets guests into a room, or keeps them out. Nobody is told if that is so already.
func (s *rooms) setGuests(ctx context.Context, c auth.Claims, r *store.Room, closed *bool) error {
	if closed == nil || *closed == r.NoGuests {
		return nil
	}
	if *closed && c.Guest {
		return chat.E(chat.CodeForbidden, "you are a guest yourself: register first")
	}
	p := store.RoomPatch{NoGuests: closed}
	r.NoGuests = *closed
	return s.auditLog.audit(ctx, store.Act{Action: actRoomChange, Room: r.ID, Detail: patched(p)}, func(ctx context.Context) error {
		return s.changes.change(ctx, store.Intent{Kind: kindGuests, Room: r.ID, Actor: c.User}, func(ctx context.Context) error {
			return s.store.PatchRoom(ctx, r.ID, p)
		})
	})
}

// tellGuests tells whether guests may be in a room now, and ends the memberships of those who may
// not. tellMember ends the membership of a guest who joins at the same moment.
func (s *rooms) tellGuests(ctx context.Context, i store.Intent) error {
	if err := s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeRoom, Room: i.Room}); err != nil {
		return err
	}
	room, there, err := s.records.roomThere(ctx, i.Room)
	if err != nil || !there {
		return err
	}
	act := chat.ActGuests
	if room.NoGuests {
		act = chat.ActNoGuests
	}
	e, err := s.changes.act(ctx, i, act)
	if err != nil {
		return err
	}
	if err := s.changes.event(ctx, e); err != nil || !room.NoGuests {
		return err
	}
	for after := ""; ; {
		members, err := s.store.Members(ctx, i.Room, after, maxMembers)
		if err != nil {
			return err
		}
		for _, m := range members {
			after = m.User
			if guest, err := s.records.isGuest(ctx, m.User); err != nil {
				return err
			} else if !guest {
				continue
			}
			if err := s.membership.deleteMember(ctx, i.Room, m, i.Actor); err != nil {
				return err
			}
		}
		if len(members) < maxMembers {
			return nil
		}
	}
}
