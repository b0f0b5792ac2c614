package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// acts is a store.Acts.
type acts struct{ *collections }

// PutAct implements store.Store.
func (s acts) PutAct(ctx context.Context, a store.Act) error {
	return insert(ctx, "put act", s.acts, a)
}

// EndAct implements store.Store.
func (s acts) EndAct(ctx context.Context, id, outcome string) error {
	_, err := s.acts.UpdateOne(ctx, append(by("_id", id), by("outcome", store.OutcomeUnknown)...), by("$set", by("outcome", outcome)))
	return wrap("end act", err)
}

// Acts implements store.Store.
func (s acts) Acts(ctx context.Context, f store.ActFilter, limit int) ([]store.Act, error) {
	from, before := f.Span()
	span := by("$gte", from)
	if before != "" {
		span = append(span, bson.E{Key: "$lt", Value: before})
	}
	filter := by("_id", span)
	for _, c := range []struct{ field, value string }{
		{"actor", f.Actor}, {"subject", f.Subject}, {"room", f.Room}, {"action", f.Action},
	} {
		if c.value != "" {
			filter = append(filter, bson.E{Key: c.field, Value: c.value})
		}
	}
	return list[store.Act](ctx, "acts", s.acts, filter, by("_id", -1), limit)
}

// DeleteActsBefore implements store.Store.
func (s acts) DeleteActsBefore(ctx context.Context, id string) (int64, error) {
	r, err := s.acts.DeleteMany(ctx, by("_id", by("$lt", id)))
	if err != nil {
		return 0, wrap("delete acts", err)
	}
	return r.DeletedCount, nil
}
