package directory

import (
	"context"
	"sync"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

// faulty is a store that can be made to fail, before or after a method took effect, and whose keys
// can be made older.
type faulty struct {
	store.Store
	mu    sync.Mutex
	fail  func(method string) error
	older map[string]time.Duration // keys that look so much older than they are, by id
}

func newFaulty(s store.Store) *faulty {
	return &faulty{Store: s, older: make(map[string]time.Duration)}
}

func (f *faulty) set(fail func(string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// failAt makes one method fail.
func (f *faulty) failAt(method string, err error) {
	f.set(func(m string) error {
		if m == method {
			return err
		}
		return nil
	})
}

func (f *faulty) check(method string) error {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(method)
}

func (f *faulty) Keys(ctx context.Context) ([]store.Key, error) {
	if err := f.check("Keys"); err != nil {
		return nil, err
	}
	all, err := f.Store.Keys(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range all {
		all[i].Created -= f.older[all[i].ID].Milliseconds()
	}
	return all, err
}

func (f *faulty) UserByName(ctx context.Context, key string) (store.User, error) {
	if err := f.check("UserByName"); err != nil {
		return store.User{}, err
	}
	return f.Store.UserByName(ctx, key)
}

func (f *faulty) Session(ctx context.Context, id string) (store.Session, error) {
	if err := f.check("Session"); err != nil {
		return store.Session{}, err
	}
	return f.Store.Session(ctx, id)
}

func (f *faulty) Room(ctx context.Context, id string) (store.Room, error) {
	if err := f.check("Room"); err != nil {
		return store.Room{}, err
	}
	return f.Store.Room(ctx, id)
}

func (f *faulty) PutMember(ctx context.Context, m store.Member) error {
	if err := f.check("PutMember before"); err != nil {
		return err
	}
	if err := f.Store.PutMember(ctx, m); err != nil {
		return err
	}
	return f.check("PutMember after")
}

func (f *faulty) DeleteIntent(ctx context.Context, id string) error {
	if err := f.check("DeleteIntent"); err != nil {
		return err
	}
	return f.Store.DeleteIntent(ctx, id)
}

func (f *faulty) SetRole(ctx context.Context, room, user string, role directoryapi.Role) error {
	if err := f.check("SetRole before"); err != nil {
		return err
	}
	return f.Store.SetRole(ctx, room, user, role)
}

func (f *faulty) PutBan(ctx context.Context, b store.Ban) error {
	if err := f.Store.PutBan(ctx, b); err != nil {
		return err
	}
	return f.check("PutBan after")
}

func (f *faulty) User(ctx context.Context, id string) (store.User, error) {
	if err := f.check("User"); err != nil {
		return store.User{}, err
	}
	return f.Store.User(ctx, id)
}

func (f *faulty) CreateGuest(ctx context.Context, u store.User, x store.Session) error {
	if err := f.check("CreateGuest"); err != nil {
		return err
	}
	return f.Store.CreateGuest(ctx, u, x)
}
