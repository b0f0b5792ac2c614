package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

func mutesByUser(a, b store.Mute) int {
	return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User))
}

// PutMute implements store.Mutes.
func (s *Store) PutMute(ctx context.Context, m store.Mute) error {
	return put(ctx, s, "PutMute", s.mutes, pair{m.Room, m.User}, m, replace)
}

// Mute implements store.Mutes.
func (s *Store) Mute(ctx context.Context, room, user string) (store.Mute, error) {
	return one(ctx, s, "Mute", s.mutes, pair{room, user})
}

// DeleteMute implements store.Mutes.
func (s *Store) DeleteMute(ctx context.Context, room, user string) error {
	return remove(ctx, s, "DeleteMute", s.mutes, pair{room, user})
}

// DeleteMutesBefore implements store.Mutes.
func (s *Store) DeleteMutesBefore(ctx context.Context, until int64) error {
	return removeAll(ctx, s, "DeleteMutesBefore", s.mutes, func(m store.Mute) bool { return m.Until <= until })
}

// Mutes implements store.Mutes.
func (s *Store) Mutes(ctx context.Context, room, after string, limit int) ([]store.Mute, error) {
	return list(ctx, s, "Mutes", s.mutes, limit, mutesByUser, func(m store.Mute) bool { return m.Room == room && m.User > after })
}

// MutesOf implements store.Mutes.
func (s *Store) MutesOf(ctx context.Context, user string, rooms ...string) ([]store.Mute, error) {
	wanted := set(rooms)
	return list(ctx, s, "MutesOf", s.mutes, everything, mutesByUser, func(m store.Mute) bool {
		return m.User == user && (len(rooms) == 0 || wanted[m.Room])
	})
}
