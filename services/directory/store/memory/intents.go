package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

// intents is a store.Intents.
type intents struct{ *records }

// PutIntent implements store.Store.
func (s intents) PutIntent(ctx context.Context, i store.Intent) error {
	return put(ctx, s.records, "PutIntent", s.intents, i.ID, i, replace)
}

// DeleteIntent implements store.Store.
func (s intents) DeleteIntent(ctx context.Context, id string) error {
	return remove(ctx, s.records, "DeleteIntent", s.intents, id)
}

// IntentsBefore implements store.Store.
func (s intents) IntentsBefore(ctx context.Context, created int64, limit int) ([]store.Intent, error) {
	return list(ctx, s.records, "IntentsBefore", s.intents, limit, func(a, b store.Intent) int { return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID)) },
		func(i store.Intent) bool { return i.Created < created })
}
