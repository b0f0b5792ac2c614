package directory

import (
	"context"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// kindVersions is the kind of an intent to change whether a room shows earlier versions of
// messages.
const kindVersions = "versions"

// versionsSince returns the VersionsSince of a room that shows earlier versions from now on, or
// that does not.
func versionsSince(show bool) int64 {
	if !show {
		return chat.Forever
	}
	return time.Now().UnixMilli()
}

// showsVersions reports whether a room shows earlier versions of messages.
func showsVersions(r store.Room) bool { return r.VersionsSince != chat.Forever }

// setVersions changes whether a room shows earlier versions of messages. It announces nothing if
// that is so already. When turned on again, the room shows versions only of messages written from
// then on, because users relied on the setting while it was off.
func (s *rooms) setVersions(ctx context.Context, c auth.Claims, r *store.Room, since *int64) error {
	if since == nil || (*since != chat.Forever) == showsVersions(*r) {
		return nil
	}
	r.VersionsSince = *since
	p := store.RoomPatch{VersionsSince: since}
	return s.auditLog.audit(ctx, store.Act{Action: actRoomChange, Room: r.ID, Detail: patched(p)}, func(ctx context.Context) error {
		return s.changes.change(ctx, store.Intent{Kind: kindVersions, Room: r.ID, Actor: c.User}, func(ctx context.Context) error {
			return s.store.PatchRoom(ctx, r.ID, p)
		})
	})
}

// tellVersions tells a room whether it shows earlier versions of messages.
func (s *rooms) tellVersions(ctx context.Context, i store.Intent) error {
	room, there, err := s.records.roomThere(ctx, i.Room)
	if err != nil || !there {
		return err
	}
	act := chat.ActNoVersions
	if showsVersions(room) {
		act = chat.ActVersions
	}
	e, err := s.changes.act(ctx, i, act)
	if err != nil {
		return err
	}
	return s.changes.event(ctx, e)
}

// answerVersions answers directoryapi.ServiceVersions. An unknown room, such as a direct room
// before its first message, shows them.
func (s *rooms) answerVersions(ctx context.Context, r directoryapi.VersionsRequest) (directoryapi.Versions, error) {
	room, _, err := s.records.roomThere(ctx, r.Room)
	return directoryapi.Versions{Since: room.VersionsSince}, s.stored(err)
}
