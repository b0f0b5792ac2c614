package directory

import (
	"context"
	"fmt"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// kindRules is the kind of an intent to change who may write in a room, and how often.
const kindRules = "rules"

// maxSlow is the longest slow mode, in seconds.
const maxSlow = 6 * 60 * 60

// ruled adds to an Access what its role may write in a room.
func ruled(a *directoryapi.Access, room store.Room, place directoryapi.Place) {
	if a.Archived = room.Archived != 0 && a.Read; room.Archived != 0 {
		return
	}
	announces := directoryapi.May(a.Role, directoryapi.ActionAnnounce, place)
	a.Send = directoryapi.May(a.Role, directoryapi.ActionSend, place) && (room.Announce == store.AnnounceNo || announces)
	a.React = directoryapi.May(a.Role, directoryapi.ActionReact, place) && (room.Announce != store.AnnounceSilent || announces)
	if a.Send && !directoryapi.May(a.Role, directoryapi.ActionHurry, place) {
		a.Slow = room.Slow
	}
}

// checkRules returns what is wrong with the rules of a patch.
func checkRules(p store.RoomPatch) error {
	if p.Slow != nil && (*p.Slow < 0 || *p.Slow > maxSlow) {
		return chat.E(chat.CodeBadRequest, fmt.Sprintf("slow must be 0 to %d seconds", maxSlow))
	}
	if p.Announce != nil && *p.Announce != store.AnnounceNo && *p.Announce != store.AnnounceReact && *p.Announce != store.AnnounceSilent {
		return chat.E(chat.CodeBadRequest, `announce is "" (every member sends), "react" or "silent"`)
	}
	return nil
}

// mayPatch returns an error unless a role may make all changes of a patch.
func mayPatch(role directoryapi.Role, place directoryapi.Place, p store.RoomPatch) error {
	if p.Slow != nil {
		if err := may(role, directoryapi.ActionSlow, place); err != nil {
			return err
		}
	}
	if p.Keep != nil {
		if err := may(role, directoryapi.ActionRetain, place); err != nil {
			return err
		}
	}
	if p.Slow == nil && p.Keep == nil || p.Name != nil || p.Topic != nil || p.Private != nil || p.Announce != nil || p.NoGuests != nil || p.VersionsSince != nil {
		if err := may(role, directoryapi.ActionDescribe, place); err != nil {
			return err
		}
	}
	if p.Private != nil && *p.Private {
		return may(role, directoryapi.ActionHide, place)
	}
	return nil
}

// setRules changes the rules in a patch. It announces nothing if they are the rules already.
func (s *rooms) setRules(ctx context.Context, c auth.Claims, r *store.Room, p store.RoomPatch) error {
	rules := store.RoomPatch{Slow: p.Slow, Announce: p.Announce}
	was := *r
	if rules.Slow != nil {
		r.Slow = *rules.Slow
	}
	if rules.Announce != nil {
		r.Announce = *rules.Announce
	}
	if *r == was {
		return nil
	}
	return s.auditLog.audit(ctx, store.Act{Action: actRoomChange, Room: r.ID, Detail: patched(rules)}, func(ctx context.Context) error {
		return s.changes.change(ctx, store.Intent{Kind: kindRules, Room: r.ID, Actor: c.User}, func(ctx context.Context) error {
			return s.store.PatchRoom(ctx, r.ID, rules)
		})
	})
}

// tellRules tells everybody in a room its rules, which members must keep.
func (s *rooms) tellRules(ctx context.Context, i store.Intent) error {
	if err := s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeRules, Room: i.Room}); err != nil {
		return err
	}
	room, there, err := s.records.roomThere(ctx, i.Room)
	if err != nil || !there {
		return err
	}
	e, err := s.changes.act(ctx, i, chat.ActRules)
	if err != nil {
		return err
	}
	e.Slow, e.Announce = room.Slow, room.Announce
	return s.changes.event(ctx, e)
}
