package directory

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	// settle is how long a new key is published before it signs, so that every verifier has it by
	// then.
	settle = time.Minute
	// rereadEvery is the shortest time between two readings of the store for requests for the keys.
	rereadEvery = time.Second
	// rereadWithin bounds such a reading while there are keys from before: who asks for the keys
	// does not wait for a store that is slow.
	rereadWithin = 500 * time.Millisecond
)

// keys are the signing keys, which all replicas share through the store: the newest signs, and the
// others verify until the last token that they signed has expired. Its methods are safe for
// concurrent use.
type keys struct {
	store store.Store
	life  time.Duration // how long a key signs
	keep  time.Duration // how long it verifies after that
	seals seals

	mu      sync.Mutex
	id      string // of the key that signs; empty: there is none yet
	private ed25519.PrivateKey
	set     []byte // the public key set
	read    time.Time
}

var errNoKey = chat.Unavailable("the directory's keys are not there yet", retryStore)

// refresh takes over what is in the store, adds a key when the newest is old, and removes those
// that verify nothing.
func (k *keys) refresh(ctx context.Context) error {
	all, err := k.store.Keys(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	if len(all) == 0 || now.Sub(time.UnixMilli(all[0].Created)) >= k.life {
		fresh := store.Key{ID: chat.NewID(), Seed: make([]byte, ed25519.SeedSize), Created: now.UnixMilli()}
		_, _ = rand.Read(fresh.Seed) // never fails
		fresh.Seed = k.seals.seal(fresh.ID, fresh.Seed)
		if err := k.store.CreateKey(ctx, fresh); err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
		// Another replica may have added a key at the same moment: both then sign with the newest.
		if all, err = k.store.Keys(ctx); err != nil {
			return err
		}
		if len(all) == 0 {
			return errors.New("the store does not keep keys")
		}
	}
	var public []auth.PublicKey
	for i := range all {
		key := &all[i]
		seed, current, err := k.seals.open(key.ID, key.Seed)
		if err != nil {
			return err
		}
		key.Seed = seed
		if !current {
			if err := k.store.SetKeySeed(ctx, key.ID, k.seals.seal(key.ID, seed)); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		if i > 0 && now.Sub(time.UnixMilli(key.Created)) >= k.life+k.keep+time.Hour {
			if err := k.store.DeleteKey(ctx, key.ID); err != nil {
				return err
			}
			continue
		}
		public = append(public, auth.PublicKey{ID: key.ID, Key: ed25519.NewKeyFromSeed(key.Seed).Public().(ed25519.PublicKey)})
	}
	set, err := auth.EncodeKeys(public)
	if err != nil {
		return err
	}
	signer := all[0]
	for _, key := range all {
		if now.Sub(time.UnixMilli(key.Created)) >= settle {
			signer = key
			break
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.id, k.private, k.set = signer.ID, ed25519.NewKeyFromSeed(signer.Seed), set
	return nil
}

// publicSet returns the public keys. A service asks when it meets a key that it does not know,
// which may be another replica's newest, so publicSet reads the store first. While the store does
// not answer within rereadWithin, it returns the keys from before.
func (k *keys) publicSet(ctx context.Context) ([]byte, error) {
	if k.due(time.Now()) {
		before := k.current()
		if before != nil {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, rereadWithin)
			defer cancel()
		}
		if err := k.refresh(ctx); err != nil && before == nil {
			return nil, errors.Join(err, errNoKey)
		}
	}
	if set := k.current(); set != nil {
		return set, nil
	}
	return nil, errNoKey
}

func (k *keys) due(now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.read) < rereadEvery {
		return false
	}
	k.read = now
	return true
}

func (k *keys) current() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.set
}

func (k *keys) sign(c auth.Claims) (string, error) {
	k.mu.Lock()
	id, private := k.id, k.private
	k.mu.Unlock()
	if id == "" {
		return "", errNoKey
	}
	return auth.Sign(private, id, c)
}
