package memory

import (
	"context"
	"errors"

	"hubbub.internal/services/directory/store"
)

// readers is a store.Readers.
type readers struct{ *records }

// PutReader implements store.Readers.
func (s readers) PutReader(ctx context.Context, room, user string) error {
	return put(ctx, s.records, "PutReader", s.readers, pair{room, user}, pair{room, user}, replace)
}

// Reader implements store.Readers.
func (s readers) Reader(ctx context.Context, room, user string) (bool, error) {
	_, err := one(ctx, s.records, "Reader", s.readers, pair{room, user})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// DeleteReader implements store.Readers.
func (s readers) DeleteReader(ctx context.Context, room, user string) error {
	return remove(ctx, s.records, "DeleteReader", s.readers, pair{room, user})
}

// DeleteReadersIn implements store.Readers.
func (s readers) DeleteReadersIn(ctx context.Context, room string) error {
	return removeAll(ctx, s.records, "DeleteReadersIn", s.readers, func(r pair) bool { return r.room == room })
}

// DeleteReadersOf implements store.Readers.
func (s readers) DeleteReadersOf(ctx context.Context, user string) error {
	return removeAll(ctx, s.records, "DeleteReadersOf", s.readers, func(r pair) bool { return r.user == user })
}
