package history

import (
	"context"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// guard says what users may do in rooms.
type guard struct{ cache *directoryapi.Cache }

// mayRead returns an error unless the user may read a room; none is all rooms of the user.
func (g *guard) mayRead(ctx context.Context, user, room string) error {
	if room == "" {
		return nil
	}
	_, err := g.reader(ctx, user, room)
	return err
}

// reader returns what the user may do in a room that the user may read; any other is an error.
func (g *guard) reader(ctx context.Context, user, room string) (directoryapi.Access, error) {
	a, err := g.cache.Access(ctx, user, room)
	if err == nil && !a.Read {
		err = chat.E(chat.CodeForbidden, "you may not read that room")
	}
	return a, err
}

// rooms returns the rooms of an answer to a user.
func (g *guard) rooms(records *records, user string) *readable {
	return &readable{cache: g.cache, records: records, user: user, allowed: make(map[string]bool), read: make(map[string]*record)}
}

// readable is what one answer to a user needs of rooms, each asked for once. It is not safe for
// concurrent use.
type readable struct {
	cache   *directoryapi.Cache
	records *records
	user    string
	allowed map[string]bool
	read    map[string]*record
}

// may reports whether the user may read a room.
func (v *readable) may(ctx context.Context, room string) (bool, error) {
	if allowed, known := v.allowed[room]; known {
		return allowed, nil
	}
	a, err := v.cache.Access(ctx, v.user, room)
	if err == nil {
		v.allowed[room] = a.Read
	}
	return a.Read, err
}

// record returns the record of a room.
func (v *readable) record(ctx context.Context, room string) (*record, error) {
	if r := v.read[room]; r != nil {
		return r, nil
	}
	r, err := v.records.of(ctx, room)
	if err == nil {
		v.read[room] = r
	}
	return r, err
}
