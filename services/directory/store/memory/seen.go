package memory

import (
	"context"

	"hubbub.internal/services/directory/store"
)

// lastSeen is a store.LastSeen.
type lastSeen struct{ *records }

// PutSeen implements store.Store.
func (s lastSeen) PutSeen(ctx context.Context, seen []store.Seen) error {
	return s.do(ctx, "PutSeen", func() error {
		for _, one := range seen {
			if _, ok := s.users[one.User]; ok {
				s.seen[one.User] = max(s.seen[one.User], one.At)
			}
		}
		return nil
	})
}

// Seen implements store.Store.
func (s lastSeen) Seen(ctx context.Context, user string) (int64, error) {
	at, err := one(ctx, s.records, "Seen", s.seen, user)
	return at, unlessMissing(err)
}
