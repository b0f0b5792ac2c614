package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

func mutesByUser(a, b store.Mute) int {
	return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User))
}

// mutes is a store.Mutes.
type mutes struct{ *records }

// PutMute implements store.Mutes.
func (s mutes) PutMute(ctx context.Context, m store.Mute) error {
	return put(ctx, s.records, "PutMute", s.mutes, pair{m.Room, m.User}, m, replace)
}

// Mute implements store.Mutes.
func (s mutes) Mute(ctx context.Context, room, user string) (store.Mute, error) {
	return one(ctx, s.records, "Mute", s.mutes, pair{room, user})
}

// DeleteMute implements store.Mutes.
func (s mutes) DeleteMute(ctx context.Context, room, user string) error {
	return remove(ctx, s.records, "DeleteMute", s.mutes, pair{room, user})
}

// DeleteMutesBefore implements store.Mutes.
func (s mutes) DeleteMutesBefore(ctx context.Context, until int64) error {
	return removeAll(ctx, s.records, "DeleteMutesBefore", s.mutes, func(m store.Mute) bool { return m.Until <= until })
}

// Mutes implements store.Mutes.
func (s mutes) Mutes(ctx context.Context, room, after string, limit int) ([]store.Mute, error) {
	return list(ctx, s.records, "Mutes", s.mutes, limit, mutesByUser, func(m store.Mute) bool { return m.Room == room && m.User > after })
}

// MutesOf implements store.Mutes.
func (s mutes) MutesOf(ctx context.Context, user string, rooms ...string) ([]store.Mute, error) {
	wanted := set(rooms)
	return list(ctx, s.records, "MutesOf", s.mutes, everything, mutesByUser, func(m store.Mute) bool {
		return m.User == user && (len(rooms) == 0 || wanted[m.Room])
	})
}
