package memory

import (
	"context"
	"errors"

	"hubbub.internal/services/directory/store"
)

// PutReader implements store.Readers.
func (s *Store) PutReader(ctx context.Context, room, user string) error {
	return put(ctx, s, "PutReader", s.readers, pair{room, user}, pair{room, user}, replace)
}

// Reader implements store.Readers.
func (s *Store) Reader(ctx context.Context, room, user string) (bool, error) {
	_, err := one(ctx, s, "Reader", s.readers, pair{room, user})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// DeleteReader implements store.Readers.
func (s *Store) DeleteReader(ctx context.Context, room, user string) error {
	return remove(ctx, s, "DeleteReader", s.readers, pair{room, user})
}

// DeleteReadersIn implements store.Readers.
func (s *Store) DeleteReadersIn(ctx context.Context, room string) error {
	return removeAll(ctx, s, "DeleteReadersIn", s.readers, func(r pair) bool { return r.room == room })
}

// DeleteReadersOf implements store.Readers.
func (s *Store) DeleteReadersOf(ctx context.Context, user string) error {
	return removeAll(ctx, s, "DeleteReadersOf", s.readers, func(r pair) bool { return r.user == user })
}
