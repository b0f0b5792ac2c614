package store

import "context"

// Subscription is the Web Push subscription (RFC 8030) of a log-in's device.
type Subscription struct {
	Session string `bson:"_id"` // the log-in that it belongs to: at most one each
	User    string `bson:"user"`
	// URL that pushes go to: a secret, because it is enough to push to the device
	Endpoint string `bson:"endpoint"`
	Key      []byte `bson:"key"`     // the device's public key (p256dh of RFC 8291)
	Secret   []byte `bson:"secret"`  // the device's secret (auth of RFC 8291)
	Created  int64  `bson:"created"` // UTC milliseconds
}

// Subscriptions keeps push subscriptions, and the key that pushes are signed with. See Store for
// what holds for its methods.
type Subscriptions interface {
	// PutSubscription replaces the log-in's subscription, and that of another log-in with the same
	// endpoint, which is an earlier one in the same browser.
	PutSubscription(ctx context.Context, s Subscription) error
	// SubscriptionsOf returns the subscriptions of users, ordered by user and session.
	SubscriptionsOf(ctx context.Context, users []string) ([]Subscription, error)
	// SubscriptionsAfter returns subscriptions ordered by session, after the given one.
	SubscriptionsAfter(ctx context.Context, session string, limit int) ([]Subscription, error)
	// no error if there is none
	DeleteSubscription(ctx context.Context, session string) error
	// ErrNotFound
	PushKey(ctx context.Context, id string) (Key, error)
	// ErrConflict
	CreatePushKey(ctx context.Context, k Key) error
	// changes the stored seed; ErrNotFound
	SetPushSeed(ctx context.Context, id string, seed []byte) error
}
