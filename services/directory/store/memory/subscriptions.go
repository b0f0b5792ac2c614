package memory

import (
	"cmp"
	"context"
	"slices"

	"hubbub.internal/services/directory/store"
)

// subscriptions is a store.Subscriptions.
type subscriptions struct{ *records }

// PutSubscription implements store.Subscriptions.
func (s subscriptions) PutSubscription(ctx context.Context, x store.Subscription) error {
	return s.do(ctx, "PutSubscription", func() error {
		for id, other := range s.subscriptions {
			if other.Endpoint == x.Endpoint {
				delete(s.subscriptions, id)
			}
		}
		s.subscriptions[x.Session] = x
		return nil
	})
}

// SubscriptionsOf implements store.Subscriptions.
func (s subscriptions) SubscriptionsOf(ctx context.Context, users []string) ([]store.Subscription, error) {
	return list(ctx, s.records, "SubscriptionsOf", s.subscriptions, everything, func(a, b store.Subscription) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Session, b.Session))
	}, func(x store.Subscription) bool { return slices.Contains(users, x.User) })
}

// SubscriptionsAfter implements store.Subscriptions.
func (s subscriptions) SubscriptionsAfter(ctx context.Context, session string, limit int) ([]store.Subscription, error) {
	return list(ctx, s.records, "SubscriptionsAfter", s.subscriptions, limit, func(a, b store.Subscription) int { return cmp.Compare(a.Session, b.Session) },
		func(x store.Subscription) bool { return x.Session > session })
}

// DeleteSubscription implements store.Subscriptions.
func (s subscriptions) DeleteSubscription(ctx context.Context, session string) error {
	return remove(ctx, s.records, "DeleteSubscription", s.subscriptions, session)
}

// PushKey implements store.Subscriptions.
func (s subscriptions) PushKey(ctx context.Context, id string) (store.Key, error) {
	return one(ctx, s.records, "PushKey", s.pushKeys, id)
}

// CreatePushKey implements store.Subscriptions.
func (s subscriptions) CreatePushKey(ctx context.Context, k store.Key) error {
	return create(ctx, s.records, "CreatePushKey", s.pushKeys, k.ID, k)
}

// SetPushSeed implements store.Subscriptions.
func (s subscriptions) SetPushSeed(ctx context.Context, id string, seed []byte) error {
	return update(ctx, s.records, "SetPushSeed", s.pushKeys, id, func(k *store.Key) bool {
		k.Seed = seed
		return true
	})
}
