package memory

import (
	"cmp"
	"context"
	"slices"

	"hubbub.internal/services/directory/store"
)

// requests is a store.Requests.
type requests struct{ *records }

// CreateRequest implements store.Store.
func (s requests) CreateRequest(ctx context.Context, r store.Request) error {
	return create(ctx, s.records, "CreateRequest", s.requests, r.Room, r)
}

// Request implements store.Store.
func (s requests) Request(ctx context.Context, room string) (store.Request, error) {
	return one(ctx, s.records, "Request", s.requests, room)
}

// SendRequest implements store.Store.
func (s requests) SendRequest(ctx context.Context, room, from, message string, most int, now int64) (out store.Request, err error) {
	err = update(ctx, s.records, "SendRequest", s.requests, room, func(r *store.Request) bool {
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
func (s requests) RefuseRequest(ctx context.Context, room, to string, expires int64) error {
	return update(ctx, s.records, "RefuseRequest", s.requests, room, func(r *store.Request) bool {
		r.Refused, r.Expires = true, expires
		return r.To == to
	})
}

// DeleteRequest implements store.Store.
func (s requests) DeleteRequest(ctx context.Context, room string) error {
	return remove(ctx, s.records, "DeleteRequest", s.requests, room)
}

func requestsByRoom(a, b store.Request) int { return cmp.Compare(a.Room, b.Room) }

// RequestsTo implements store.Store.
func (s requests) RequestsTo(ctx context.Context, to string, before int64, limit int) ([]store.Request, error) {
	return list(ctx, s.records, "RequestsTo", s.requests, limit, func(a, b store.Request) int { return cmp.Or(cmp.Compare(b.Created, a.Created), requestsByRoom(a, b)) },
		func(r store.Request) bool { return r.To == to && r.Visible() && r.Created < before })
}

// RequestsOf implements store.Store.
func (s requests) RequestsOf(ctx context.Context, user string, limit int) ([]store.Request, error) {
	return list(ctx, s.records, "RequestsOf", s.requests, limit, requestsByRoom, func(r store.Request) bool { return r.From == user || r.To == user })
}

// RequestsBefore implements store.Store.
func (s requests) RequestsBefore(ctx context.Context, expires int64, limit int) ([]store.Request, error) {
	return list(ctx, s.records, "RequestsBefore", s.requests, limit, func(a, b store.Request) int { return cmp.Or(cmp.Compare(a.Expires, b.Expires), requestsByRoom(a, b)) },
		func(r store.Request) bool { return r.Expires > 0 && r.Expires <= expires })
}
