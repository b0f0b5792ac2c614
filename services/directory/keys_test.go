package directory

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/memory"
)

// grow makes the keys in the store older.
func (w *world) grow(by time.Duration) {
	w.t.Helper()
	all, err := w.store.Keys(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	for _, k := range all {
		w.store.older[k.ID] += by
	}
}

func (w *world) refreshKeys() {
	w.t.Helper()
	if err := w.keys.refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// sign returns a token by the key that signs now, and that key's id.
func (w *world) sign(c auth.Claims) (token, kid string) {
	w.t.Helper()
	w.keys.mu.Lock()
	kid = w.keys.id
	w.keys.mu.Unlock()
	token, err := w.keys.sign(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return token, kid
}

// TestKeysAreReplaced follows a key through its life on two replicas, with a verifier on another
// bus connection that asks for keys only when it meets an unknown one.
func TestKeysAreReplaced(t *testing.T) {
	cfg := config()
	w := openRealWorld(t, cfg)
	other := start(t, cfg, w.connect, w.store)
	ann := w.register("Ann")
	claims := w.claims(ann)
	verifier := auth.NewVerifier(directoryapi.NewClient(w.connect(t)).Keys)
	good := func(what, token string) {
		t.Helper()
		w.eventually(what+" is good", func() bool {
			_, err := verifier.Verify(t.Context(), token)
			return err == nil
		})
		// A verifier asks for keys once a second at most.
		for _, r := range []*world{w, other} {
			w.eventually(what+" is good over HTTP", func() bool { return r.code(credentials{Token: token}, "GET", "/v1/me", "") == "" })
		}
	}
	first, k1 := w.sign(claims)
	good("the first token", first)

	// The key has grown old: its successor is handed out, and does not sign before everybody can
	// have it.
	w.grow(cfg.KeyLife)
	w.refreshKeys()
	other.refreshKeys()
	all, err := w.store.Keys(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("keys are %d, %v", len(all), err)
	}
	for _, r := range []*world{w, other} {
		token, kid := r.sign(claims)
		if kid != k1 {
			t.Error("a new key signs at once")
		}
		good("a token by the old key", token)
	}
	w.grow(settle)
	w.refreshKeys()
	other.refreshKeys()
	second, k2 := w.sign(claims)
	if k2 == k1 {
		t.Fatal("the new key does not sign")
	}
	if _, kid := other.sign(claims); kid != k2 {
		t.Error("replicas sign with different keys")
	}
	good("a token by the new key", second)
	good("the first token", first)

	// When no token of the old one can be alive it goes.
	w.grow(cfg.TokenLife + 3*time.Hour)
	w.refreshKeys()
	if all, err = w.store.Keys(t.Context()); err != nil || len(all) != 1 || all[0].ID != k2 {
		t.Errorf("keys are %+v, %v", all, err)
	}
	fresh := auth.NewVerifier(w.keys.publicSet)
	if _, err := fresh.Verify(t.Context(), first); err == nil {
		t.Error("a key that is gone verifies")
	}
	if _, err := fresh.Verify(t.Context(), second); err != nil {
		t.Error(err)
	}
}

// TestReplicaHasNotSeenAKey asks one replica for the keys while only the other knows the newest: at
// the first start of two.
func TestReplicaHasNotSeenAKey(t *testing.T) {
	w := openWorld(t, config())
	other := start(t, config(), w.connect, w.store)
	ann := w.register("Ann")
	w.stop()
	other.stop()
	all, err := w.store.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if err := w.store.DeleteKey(t.Context(), k.ID); err != nil {
			t.Fatal(err)
		}
	}
	other.refreshKeys()
	token, _ := other.sign(other.claimsOf(ann))
	w.keys.mu.Lock()
	w.keys.read = time.Time{}
	w.keys.mu.Unlock()
	if _, err := auth.NewVerifier(w.keys.publicSet).Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
}

func (w *world) claimsOf(c credentials) auth.Claims {
	now := time.Now()
	return auth.Claims{User: c.User.ID, Name: c.User.Name, Session: "s1", Issued: now, Expires: now.Add(time.Minute)}
}

func TestDamagedKey(t *testing.T) {
	w := openWorld(t, config())
	w.stop()
	all, err := w.store.Keys(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("keys are %+v, %v", all, err)
	}
	all[0].ID, all[0].Seed = "damaged", []byte("short")
	if err := w.store.CreateKey(t.Context(), all[0]); err != nil {
		t.Fatal(err)
	}
	if err := w.keys.refresh(t.Context()); err == nil {
		t.Error("a damaged key was taken over")
	}
	// The keys from before still sign and are handed out.
	if set, err := w.keys.publicSet(t.Context()); err != nil || len(set) == 0 {
		t.Errorf("keys are %s, %v", set, err)
	}
	w.sign(w.claimsOf(credentials{User: account{ID: "u1", Name: "Ann"}}))
}

// slowKeys is a store that does not answer for the keys before the request ends.
type slowKeys struct{ store.Store }

func (slowKeys) Keys(ctx context.Context) ([]store.Key, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestSlowStoreOfKeys: who asks for the keys gets those from before while the store is slow, and
// waits for no more than rereadWithin.
func TestSlowStoreOfKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keys{store: memory.New(), life: time.Hour, keep: time.Hour}
		if _, err := k.publicSet(t.Context()); err != nil {
			t.Fatal(err)
		}
		k.store = slowKeys{k.store}
		time.Sleep(rereadEvery)
		began := time.Now()
		set, err := k.publicSet(t.Context())
		if took := time.Since(began); err != nil || len(set) == 0 || took != rereadWithin {
			t.Errorf("keys are %s, %v, after %v", set, err, took)
		}
	})
}
