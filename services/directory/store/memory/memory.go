// Package memory keeps directory's store in maps, for tests: it takes microseconds and works in a
// testing/synctest bubble. storetest checks that it behaves like the other adapters. Its data end
// with the process.
package memory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"hubbub.internal/services/directory/store"
)

// pair is the key of a record of which a room and a user have one.
type pair struct{ room, user string }

// records are what the parts of a Store share: the maps, and their lock.
type records struct {
	mu              sync.Mutex
	users           map[string]store.User
	sessions        map[string]store.Session
	keys            map[string]store.Key
	rooms           map[string]store.Room
	members         map[pair]store.Member
	bans            map[pair]store.Ban
	blocks          map[couple]store.Block
	reports         map[string]store.Report
	letters         map[string]store.Letter
	mutes           map[pair]store.Mute
	readers         map[pair]pair
	networks        map[string]store.NetworkBan
	requests        map[string]store.Request
	invitations     map[pair]store.Invitation
	seen            map[string]int64
	intents         map[string]store.Intent
	acts            map[string]store.Act
	accounts        map[string]store.Account
	preferences     map[string]store.Preferences
	tickets         map[string]store.Ticket
	server          store.Server
	subscriptions   map[string]store.Subscription
	pushKeys        map[string]store.Key
	invitationLinks map[string]store.InvitationLink
	emoji           map[string]store.Emoji
	fail            func(call string, done bool) error
}

// Store is a store.Store in memory.
type Store struct {
	*records
	users
	accounts
	sessions
	lastSeen
	preferences
	subscriptions
	rooms
	members
	readers
	requests
	invitations
	invitationLinks
	bans
	networks
	mutes
	blocks
	reports
	letters
	acts
	servers
	keys
	intents
	emoji
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	r := &records{
		users: map[string]store.User{}, sessions: map[string]store.Session{}, keys: map[string]store.Key{}, rooms: map[string]store.Room{},
		members: map[pair]store.Member{}, bans: map[pair]store.Ban{}, blocks: map[couple]store.Block{},
		networks: map[string]store.NetworkBan{}, requests: map[string]store.Request{}, invitations: map[pair]store.Invitation{}, seen: map[string]int64{}, intents: map[string]store.Intent{},
		acts: map[string]store.Act{}, mutes: map[pair]store.Mute{}, readers: map[pair]pair{}, reports: map[string]store.Report{}, letters: map[string]store.Letter{},
		accounts: map[string]store.Account{}, tickets: map[string]store.Ticket{},
		invitationLinks: map[string]store.InvitationLink{}, preferences: map[string]store.Preferences{},
		subscriptions: map[string]store.Subscription{}, pushKeys: map[string]store.Key{}, emoji: map[string]store.Emoji{},
	}
	return &Store{
		records:         r,
		users:           users{r},
		accounts:        accounts{r},
		sessions:        sessions{r},
		lastSeen:        lastSeen{r},
		preferences:     preferences{r},
		subscriptions:   subscriptions{r},
		rooms:           rooms{r},
		members:         members{r},
		readers:         readers{r},
		requests:        requests{r},
		invitations:     invitations{r},
		invitationLinks: invitationLinks{r},
		bans:            bans{r},
		networks:        networks{r},
		mutes:           mutes{r},
		blocks:          blocks{r},
		reports:         reports{r},
		letters:         letters{r},
		acts:            acts{r},
		servers:         servers{r},
		keys:            keys{r},
		intents:         intents{r},
		emoji:           emoji{r},
	}
}

// Close implements store.Store.
func (s *Store) Close() error { return nil }

// Fail makes calls fail with the errors that f returns. Each call of the store calls f twice with
// the name of the method, such as User: before it does anything, and with done afterwards. f may
// wait, and may call the store. A nil f ends that.
func (s *Store) Fail(f func(call string, done bool) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

func (s *records) failed(call string, done bool) error {
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(call, done)
}

// do runs f with the store locked, unless ctx has ended.
func (s *records) do(ctx context.Context, call string, f func() error) error {
	if err := s.failed(call, false); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	err := f()
	s.mu.Unlock()
	return errors.Join(err, s.failed(call, true))
}

// one returns the record with a key.
func one[K comparable, V any](ctx context.Context, s *records, call string, m map[K]V, k K) (v V, err error) {
	return v, s.do(ctx, call, func() error {
		var ok bool
		if v, ok = m[k]; !ok {
			return store.ErrNotFound
		}
		return nil
	})
}

// create adds a record unless there is one with its key.
func create[K comparable, V any](ctx context.Context, s *records, call string, m map[K]V, k K, v V) error {
	return s.do(ctx, call, func() error {
		if _, taken := m[k]; taken {
			return store.ErrConflict
		}
		m[k] = v
		return nil
	})
}

// put adds a record. If there is one with its key, put stores what merge makes of that one and v.
func put[K comparable, V any](ctx context.Context, s *records, call string, m map[K]V, k K, v V, merge func(old, v V) V) error {
	return s.do(ctx, call, func() error {
		if old, ok := m[k]; ok {
			v = merge(old, v)
		}
		m[k] = v
		return nil
	})
}

// replace is a merge for put that keeps nothing of the old record.
func replace[V any](_, v V) V { return v }

// update changes the record with a key, if change returns true for it.
func update[K comparable, V any](ctx context.Context, s *records, call string, m map[K]V, k K, change func(*V) bool) error {
	return s.do(ctx, call, func() error {
		v, ok := m[k]
		if !ok || !change(&v) {
			return store.ErrNotFound
		}
		m[k] = v
		return nil
	})
}

// remove removes the record with a key, if there is one.
func remove[K comparable, V any](ctx context.Context, s *records, call string, m map[K]V, k K) error {
	return s.do(ctx, call, func() error {
		delete(m, k)
		return nil
	})
}

// removeAll removes the records for which unwanted returns true.
func removeAll[K comparable, V any](ctx context.Context, s *records, call string, m map[K]V, unwanted func(V) bool) error {
	return s.do(ctx, call, func() error {
		maps.DeleteFunc(m, func(_ K, v V) bool { return unwanted(v) })
		return nil
	})
}

// list returns the first limit records for which wanted returns true, sorted by order.
func list[K comparable, V any](ctx context.Context, s *records, call string, m map[K]V, limit int, order func(a, b V) int, wanted func(V) bool) (all []V, err error) {
	return all, s.do(ctx, call, func() error {
		for _, v := range m {
			if wanted(v) {
				all = append(all, v)
			}
		}
		slices.SortFunc(all, order)
		all = all[:min(len(all), limit)]
		return nil
	})
}

const everything = 1 << 62

// set returns the set of a list's elements.
func set(list []string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, e := range list {
		m[e] = true
	}
	return m
}
