package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"hubbub.internal/services/directory/store"
)

func isDirect(room string) bool { return strings.HasPrefix(room, "d-") }

// GroupsOf implements store.Store.
func (s *Store) GroupsOf(ctx context.Context, user string, limit int) ([]store.Member, error) {
	return list(ctx, s, "GroupsOf", s.members, limit, func(a, b store.Member) int { return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Room, b.Room)) },
		func(m store.Member) bool { return m.User == user && !isDirect(m.Room) })
}

// DirectsOf implements store.Store.
func (s *Store) DirectsOf(ctx context.Context, user string, before int64, limit int) ([]store.Member, error) {
	return list(ctx, s, "DirectsOf", s.members, limit, func(a, b store.Member) int { return cmp.Or(cmp.Compare(b.Since, a.Since), cmp.Compare(a.Room, b.Room)) },
		func(m store.Member) bool { return m.User == user && isDirect(m.Room) && !m.Hidden && m.Since < before })
}

// SetHidden implements store.Store.
func (s *Store) SetHidden(ctx context.Context, room, user string, hidden bool) error {
	return update(ctx, s, "SetHidden", s.members, pair{room, user}, func(m *store.Member) bool {
		m.Hidden = hidden
		return true
	})
}

// RoomsBy implements store.Store.
func (s *Store) RoomsBy(ctx context.Context, creator string, since int64, limit int) ([]store.Room, error) {
	return list(ctx, s, "RoomsBy", s.rooms, limit, func(a, b store.Room) int { return cmp.Or(cmp.Compare(b.Created, a.Created), roomsByID(a, b)) },
		func(r store.Room) bool { return creator != "" && r.Creator == creator && r.Created >= since })
}

// CreateRequest implements store.Store.
func (s *Store) CreateRequest(ctx context.Context, r store.Request) error {
	return create(ctx, s, "CreateRequest", s.requests, r.Room, r)
}

// Request implements store.Store.
func (s *Store) Request(ctx context.Context, room string) (store.Request, error) {
	return one(ctx, s, "Request", s.requests, room)
}

// SendRequest implements store.Store.
func (s *Store) SendRequest(ctx context.Context, room, from, message string, most int, now int64) (out store.Request, err error) {
	err = update(ctx, s, "SendRequest", s.requests, room, func(r *store.Request) bool {
		again := slices.Contains(r.Sent, message)
		if r.From != from || r.Refused || !again && len(r.Sent) >= most {
			return false
		}
		if len(r.Sent) == 0 {
			r.Created = now
		}
		if !again {
			r.Sent = append(slices.Clone(r.Sent), message)
		}
		out = *r
		return true
	})
	return out, err
}

// RefuseRequest implements store.Store.
func (s *Store) RefuseRequest(ctx context.Context, room, to string, expires int64) error {
	return update(ctx, s, "RefuseRequest", s.requests, room, func(r *store.Request) bool {
		r.Refused, r.Expires = true, expires
		return r.To == to
	})
}

// DeleteRequest implements store.Store.
func (s *Store) DeleteRequest(ctx context.Context, room string) error {
	return remove(ctx, s, "DeleteRequest", s.requests, room)
}

func requestsByRoom(a, b store.Request) int { return cmp.Compare(a.Room, b.Room) }

// RequestsTo implements store.Store.
func (s *Store) RequestsTo(ctx context.Context, to string, before int64, limit int) ([]store.Request, error) {
	return list(ctx, s, "RequestsTo", s.requests, limit, func(a, b store.Request) int { return cmp.Or(cmp.Compare(b.Created, a.Created), requestsByRoom(a, b)) },
		func(r store.Request) bool { return r.To == to && r.Visible() && r.Created < before })
}

// RequestsOf implements store.Store.
func (s *Store) RequestsOf(ctx context.Context, user string, limit int) ([]store.Request, error) {
	return list(ctx, s, "RequestsOf", s.requests, limit, requestsByRoom, func(r store.Request) bool { return r.From == user || r.To == user })
}

// RequestsBefore implements store.Store.
func (s *Store) RequestsBefore(ctx context.Context, expires int64, limit int) ([]store.Request, error) {
	return list(ctx, s, "RequestsBefore", s.requests, limit, func(a, b store.Request) int { return cmp.Or(cmp.Compare(a.Expires, b.Expires), requestsByRoom(a, b)) },
		func(r store.Request) bool { return r.Expires > 0 && r.Expires <= expires })
}
