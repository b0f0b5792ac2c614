package storetest

import (
	"testing"

	"hubbub.internal/services/directory/store"
)

func testSubscriptions(t *testing.T, s store.Store) {
	ctx := t.Context()
	one := store.Subscription{Session: "s1", User: "ua", Endpoint: "https://push.example/1", Key: []byte{4, 1}, Secret: []byte{7}, Created: 5}
	two := store.Subscription{Session: "s2", User: "ub", Endpoint: "https://push.example/2", Key: []byte{4, 2}, Secret: []byte{8}, Created: 6}
	three := store.Subscription{Session: "s3", User: "ua", Endpoint: "https://push.example/3", Key: []byte{4, 3}, Secret: []byte{9}, Created: 7}
	after := func(session string, limit int, want ...store.Subscription) {
		t.Helper()
		got, err := s.SubscriptionsAfter(ctx, session, limit)
		same(t, want, got, err)
	}
	of := func(users []string, want ...store.Subscription) {
		t.Helper()
		got, err := s.SubscriptionsOf(ctx, users)
		same(t, want, got, err)
	}
	after("", 10)
	of([]string{"ua"})
	for _, x := range []store.Subscription{three, one, two} {
		must(t, s.PutSubscription(ctx, x))
	}
	after("", 10, one, two, three)
	after("", 2, one, two)
	after("s1", 10, two, three)
	of(nil)
	of([]string{"ua", "nobody"}, one, three)
	of([]string{"ub", "ua"}, one, three, two)

	one.Key = []byte{4, 9}
	must(t, s.PutSubscription(ctx, one)) // again
	of([]string{"ua"}, one, three)
	one.Endpoint = "https://push.example/4" // another of the same log-in
	must(t, s.PutSubscription(ctx, one))
	of([]string{"ua"}, one, three)
	two.Endpoint = three.Endpoint // the same browser in another log-in
	must(t, s.PutSubscription(ctx, two))
	after("", 10, one, two)
	must(t, s.DeleteSubscription(ctx, "s1"))
	must(t, s.DeleteSubscription(ctx, "s1"))
	after("", 10, two)

	_, err := s.PushKey(ctx, "k")
	want(t, store.ErrNotFound, err)
	want(t, store.ErrNotFound, s.SetPushSeed(ctx, "k", []byte{1}))
	must(t, s.CreatePushKey(ctx, store.Key{ID: "k", Seed: []byte{1, 2}, Created: 3}))
	want(t, store.ErrConflict, s.CreatePushKey(ctx, store.Key{ID: "k", Seed: []byte{9}, Created: 9}))
	must(t, s.SetPushSeed(ctx, "k", []byte{4}))
	key, err := s.PushKey(ctx, "k")
	same(t, store.Key{ID: "k", Seed: []byte{4}, Created: 3}, key, err)
	all, err := s.Keys(ctx)
	same(t, []store.Key(nil), all, err) // not a key that signs tokens
}
