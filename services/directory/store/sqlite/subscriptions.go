package sqlite

import (
	"context"

	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

const (
	selectSubscriptions = `SELECT session, user, endpoint, key, secret, created FROM subscriptions `
	putSubscription     = `INSERT OR REPLACE INTO subscriptions (session, user, endpoint, key, secret, created) VALUES (?, ?, ?, ?, ?, ?)`
)

func subscriptionFields(x *store.Subscription) []any {
	return []any{&x.Session, &x.User, &x.Endpoint, &x.Key, &x.Secret, &x.Created}
}

// subscriptions is a store.Subscriptions.
type subscriptions struct{ db }

// PutSubscription implements store.Subscriptions.
func (s subscriptions) PutSubscription(ctx context.Context, x store.Subscription) error {
	return s.run(ctx, "put subscription", putSubscription, x.Session, x.User, x.Endpoint, x.Key, x.Secret, x.Created)
}

// SubscriptionsOf implements store.Subscriptions.
func (s subscriptions) SubscriptionsOf(ctx context.Context, users []string) ([]store.Subscription, error) {
	return list(ctx, s.db, "subscriptions of users", subscriptionFields,
		selectSubscriptions+`WHERE user IN (SELECT value FROM json_each(?)) ORDER BY user, session`, sqlitedb.List(users))
}

// SubscriptionsAfter implements store.Subscriptions.
func (s subscriptions) SubscriptionsAfter(ctx context.Context, session string, limit int) ([]store.Subscription, error) {
	return list(ctx, s.db, "subscriptions", subscriptionFields, selectSubscriptions+`WHERE session > ? ORDER BY session LIMIT ?`, session, limit)
}

// DeleteSubscription implements store.Subscriptions.
func (s subscriptions) DeleteSubscription(ctx context.Context, session string) error {
	return s.run(ctx, "delete subscription", `DELETE FROM subscriptions WHERE session = ?`, session)
}

// PushKey implements store.Subscriptions.
func (s subscriptions) PushKey(ctx context.Context, id string) (store.Key, error) {
	return first(ctx, s.db, "push key", func(k *store.Key) []any { return []any{&k.ID, &k.Seed, &k.Created} },
		`SELECT id, seed, created FROM push_keys WHERE id = ?`, id)
}

// CreatePushKey implements store.Subscriptions.
func (s subscriptions) CreatePushKey(ctx context.Context, k store.Key) error {
	return s.run(ctx, "create push key", `INSERT INTO push_keys (id, seed, created) VALUES (?, ?, ?)`, k.ID, k.Seed, k.Created)
}

// SetPushSeed implements store.Subscriptions.
func (s subscriptions) SetPushSeed(ctx context.Context, id string, seed []byte) error {
	return s.update(ctx, "set seed of the push key", `UPDATE push_keys SET seed = ? WHERE id = ?`, seed, id)
}
