package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

func bansByUser(a, b store.Ban) int {
	return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User))
}

// bans is a store.Bans.
type bans struct{ *records }

// PutBan implements store.Store.
func (s bans) PutBan(ctx context.Context, b store.Ban) error {
	return put(ctx, s.records, "PutBan", s.bans, pair{b.Room, b.User}, b, func(old, b store.Ban) store.Ban {
		old.Reason, old.Until = b.Reason, b.Until
		return old
	})
}

// Ban implements store.Store.
func (s bans) Ban(ctx context.Context, room, user string) (store.Ban, error) {
	return one(ctx, s.records, "Ban", s.bans, pair{room, user})
}

// DeleteBan implements store.Store.
func (s bans) DeleteBan(ctx context.Context, room, user string) error {
	return remove(ctx, s.records, "DeleteBan", s.bans, pair{room, user})
}

// Bans implements store.Store.
func (s bans) Bans(ctx context.Context, room, after string, limit int) ([]store.Ban, error) {
	return list(ctx, s.records, "Bans", s.bans, limit, bansByUser, func(b store.Ban) bool { return b.Room == room && b.User > after })
}

// BansOf implements store.Store.
func (s bans) BansOf(ctx context.Context, user string) ([]store.Ban, error) {
	return list(ctx, s.records, "BansOf", s.bans, everything, bansByUser, func(b store.Ban) bool { return b.User == user })
}

// EndedBans implements store.Store.
func (s bans) EndedBans(ctx context.Context, now int64, limit int) ([]store.Ban, error) {
	return list(ctx, s.records, "EndedBans", s.bans, limit, func(a, b store.Ban) int { return cmp.Or(cmp.Compare(a.Until, b.Until), bansByUser(a, b)) },
		func(b store.Ban) bool { return b.Over(now) })
}

// EndBan implements store.Store.
func (s bans) EndBan(ctx context.Context, room, user string, now int64) error {
	return s.do(ctx, "EndBan", func() error {
		if k := (pair{room, user}); s.bans[k].Over(now) {
			delete(s.bans, k)
		}
		return nil
	})
}
