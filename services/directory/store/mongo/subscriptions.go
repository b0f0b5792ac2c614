package mongo

import (
	"context"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/directory/store"
)

var subscriptionIndexes = mongodb.Indexes("16 (subscriptions)",
	mongodb.Index{Collection: "subscriptions", Fields: []string{"user", "_id"}},
	mongodb.Index{Collection: "subscriptions", Fields: []string{"endpoint"}},
)

// subscriptions is a store.Subscriptions.
type subscriptions struct{ *collections }

// PutSubscription implements store.Subscriptions.
func (s subscriptions) PutSubscription(ctx context.Context, x store.Subscription) error {
	if err := removeAll(ctx, "delete subscriptions of an endpoint", s.subscriptions, by("endpoint", x.Endpoint)); err != nil {
		return err
	}
	return upsert(ctx, "put subscription", s.subscriptions, by("_id", x.Session), by("$set", x))
}

// SubscriptionsOf implements store.Subscriptions.
func (s subscriptions) SubscriptionsOf(ctx context.Context, users []string) ([]store.Subscription, error) {
	if len(users) == 0 {
		return nil, nil
	}
	return list[store.Subscription](ctx, "subscriptions of users", s.subscriptions, by("user", by("$in", users)), append(by("user", 1), by("_id", 1)...), 0)
}

// SubscriptionsAfter implements store.Subscriptions.
func (s subscriptions) SubscriptionsAfter(ctx context.Context, session string, limit int) ([]store.Subscription, error) {
	return list[store.Subscription](ctx, "subscriptions", s.subscriptions, above("_id", session), by("_id", 1), limit)
}

// DeleteSubscription implements store.Subscriptions.
func (s subscriptions) DeleteSubscription(ctx context.Context, session string) error {
	return remove(ctx, "delete subscription", s.subscriptions, by("_id", session))
}

// PushKey implements store.Subscriptions.
func (s subscriptions) PushKey(ctx context.Context, id string) (store.Key, error) {
	return one[store.Key](ctx, "push key", s.pushKeys, by("_id", id))
}

// CreatePushKey implements store.Subscriptions.
func (s subscriptions) CreatePushKey(ctx context.Context, k store.Key) error {
	return insert(ctx, "create push key", s.pushKeys, k)
}

// SetPushSeed implements store.Subscriptions.
func (s subscriptions) SetPushSeed(ctx context.Context, id string, seed []byte) error {
	return update(ctx, "set seed of the push key", s.pushKeys, by("_id", id), by("seed", seed))
}
