package mongo

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// direct finds direct rooms by their id.
var direct = bson.Regex{Pattern: "^d-"}

// yes is the condition that a field is true, or is not true. A field that records of an older
// release lack counts as false.
func yes(field string, is bool) bson.E {
	if is {
		return bson.E{Key: field, Value: true}
	}
	return bson.E{Key: field, Value: by("$ne", true)}
}

// requests is a store.Requests.
type requests struct{ *collections }

// CreateRequest implements store.Store.
func (s requests) CreateRequest(ctx context.Context, r store.Request) error {
	if r.Sent == nil {
		r.Sent = []string{} // $push needs a list
	}
	return insert(ctx, "create request", s.requests, r)
}

// plain returns the request as it was created.
func plain(r store.Request) store.Request {
	if len(r.Sent) == 0 {
		r.Sent = nil
	}
	return r
}

func plainly(all []store.Request, err error) ([]store.Request, error) {
	for i := range all {
		all[i] = plain(all[i])
	}
	return all, err
}

// Request implements store.Store.
func (s requests) Request(ctx context.Context, room string) (store.Request, error) {
	r, err := one[store.Request](ctx, "request", s.requests, by("_id", room))
	return plain(r), err
}

// SendRequest implements store.Store: each write holds only as long as the list is as it was read.
func (s requests) SendRequest(ctx context.Context, room, from, message string, most int, now int64) (r store.Request, err error) {
	for range most + 1 {
		r, err = s.Request(ctx, room)
		switch {
		case err != nil:
			return r, err
		case r.From != from || r.Refused:
			return store.Request{}, wrap("send request", store.ErrNotFound)
		case slices.Contains(r.Sent, message):
			return r, nil
		case len(r.Sent) >= most:
			return store.Request{}, wrap("send request", store.ErrNotFound)
		case len(r.Sent) == 0:
			r.Created = now
		}
		before := r.Sent
		if before == nil {
			before = []string{}
		}
		r.Sent = append(slices.Clone(before), message)
		err = update(ctx, "send request", s.requests, bson.D{{Key: "_id", Value: room}, {Key: "sent", Value: before}, yes("refused", false)},
			bson.D{{Key: "sent", Value: r.Sent}, {Key: "created", Value: r.Created}})
		if !errors.Is(err, store.ErrNotFound) {
			return r, err
		}
	}
	return store.Request{}, wrap("send request", store.ErrNotFound)
}

// RefuseRequest implements store.Store.
func (s requests) RefuseRequest(ctx context.Context, room, to string, expires int64) error {
	return update(ctx, "refuse request", s.requests, append(by("_id", room), by("to", to)...),
		bson.D{{Key: "refused", Value: true}, {Key: "expires", Value: expires}})
}

// DeleteRequest implements store.Store.
func (s requests) DeleteRequest(ctx context.Context, room string) error {
	return remove(ctx, "delete request", s.requests, by("_id", room))
}

// RequestsTo implements store.Store.
func (s requests) RequestsTo(ctx context.Context, to string, before int64, limit int) ([]store.Request, error) {
	return list[store.Request](ctx, "requests", s.requests, bson.D{
		{Key: "to", Value: to}, {Key: "created", Value: by("$lt", before)}, yes("refused", false), {Key: "sent.0", Value: by("$exists", true)},
	}, bson.D{{Key: "created", Value: -1}, {Key: "_id", Value: -1}}, limit)
}

// RequestsOf implements store.Store.
func (s requests) RequestsOf(ctx context.Context, user string, limit int) ([]store.Request, error) {
	return plainly(list[store.Request](ctx, "requests of a user", s.requests, by("$or", bson.A{by("from", user), by("to", user)}), by("_id", 1), limit))
}

// RequestsBefore implements store.Store.
func (s requests) RequestsBefore(ctx context.Context, expires int64, limit int) ([]store.Request, error) {
	return plainly(list[store.Request](ctx, "old requests", s.requests,
		by("expires", bson.D{{Key: "$gt", Value: int64(0)}, {Key: "$lte", Value: expires}}), bson.D{{Key: "expires", Value: 1}, {Key: "_id", Value: 1}}, limit))
}
