package store

import "context"

// Subscription is what a log-in's device is reached by while its page is closed: a subscription to
// Web Push (RFC 8030).
type Subscription struct {
	Session string `bson:"_id"` // the log-in that made it, which has one at most
	User    string `bson:"user"`
	// where pushes go: who knows it could push, if without the key
	Endpoint string `bson:"endpoint"`
	Key      []byte `bson:"key"`     // the device's public key (p256dh of RFC 8291)
	Secret   []byte `bson:"secret"`  // the device's secret (auth of RFC 8291)
	Created  int64  `bson:"created"` // UTC milliseconds
}

// Subscriptions keeps subscriptions, and the key that pushes are signed with. See Store for what
// holds of its methods.
type Subscriptions interface {
	// PutSubscription puts it in place of the log-in's, and of another log-in's with the same
	// endpoint, which was in the same browser before.
	PutSubscription(ctx context.Context, s Subscription) error
	// SubscriptionsOf returns those of users, by user and session.
	SubscriptionsOf(ctx context.Context, users []string) ([]Subscription, error)
	// SubscriptionsAfter returns those of log-ins after one, by session.
	SubscriptionsAfter(ctx context.Context, session string, limit int) ([]Subscription, error)
	// none is not an error
	DeleteSubscription(ctx context.Context, session string) error
	// ErrNotFound
	PushKey(ctx context.Context, id string) (Key, error)
	// ErrConflict
	CreatePushKey(ctx context.Context, k Key) error
	// changes what is kept of it; ErrNotFound
	SetPushSeed(ctx context.Context, id string, seed []byte) error
}
