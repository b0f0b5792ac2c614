package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// directory signs with its newest key and hands out all public ones.
type directory struct {
	mu      sync.Mutex
	keys    []PublicKey
	private ed25519.PrivateKey
	kid     string
	fetches int
	down    error
}

func (d *directory) rotate(t *testing.T, kid string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys = append(d.keys, PublicKey{kid, public})
	d.private, d.kid = private, kid
}

func (d *directory) fetch(context.Context) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fetches++
	if d.down != nil {
		return nil, d.down
	}
	return EncodeKeys(d.keys)
}

func (d *directory) sign(t *testing.T, c Claims) string {
	t.Helper()
	s, err := Sign(d.private, d.kid, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func claims() Claims {
	now := time.Now().Truncate(time.Second)
	return Claims{User: "u1", Name: "Ann", Session: "s1", Guest: true, Issued: now.Add(123 * time.Millisecond), Expires: now.Add(time.Minute)}
}

func TestVerify(t *testing.T) {
	d := &directory{}
	d.rotate(t, "k1")
	v := NewVerifier(d.fetch)
	want := claims()
	got, err := v.Verify(t.Context(), d.sign(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	old := claims()
	old.Issued, old.Expires = old.Issued.Add(-time.Hour), old.Issued.Add(-time.Minute)
	unnamed := claims()
	unnamed.Name = ""
	evil := claims()
	evil.User = "u 1"
	other := &directory{}
	other.rotate(t, "k1")
	good := d.sign(t, want)
	body := good[:strings.LastIndexByte(good, '.')]
	// The public key as the secret of a symmetric method, and no method at all.
	head := func(h string) string { return base64.RawURLEncoding.EncodeToString([]byte(h)) }
	_, payload, _ := strings.Cut(body, ".")
	hs := head(`{"alg":"HS256","kid":"k1"}`) + "." + payload
	mac := hmac.New(sha256.New, d.keys[0].Key)
	mac.Write([]byte(hs))
	for name, tt := range map[string]struct {
		token string
		want  error
	}{
		"expired":           {d.sign(t, old), ErrExpired},
		"empty":             {"", ErrInvalid},
		"garbage":           {"a.b.c", ErrInvalid},
		"too long":          {strings.Repeat("a", 1<<20), ErrInvalid},
		"no name":           {d.sign(t, unnamed), ErrInvalid},
		"bad user":          {d.sign(t, evil), ErrInvalid},
		"another's key":     {other.sign(t, want), ErrInvalid},
		"no signature":      {body + ".", ErrInvalid},
		"symmetric":         {hs + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), ErrInvalid},
		"alg none":          {head(`{"alg":"none","kid":"k1"}`) + "." + payload + ".", ErrInvalid},
		"changed head":      {head(`{"alg":"EdDSA","kid":"k1"}`) + "." + payload + good[len(body):], ErrInvalid},
		"names another key": {head(`{"alg":"EdDSA","kid":"k9"}`) + "." + payload + good[len(body):], ErrInvalid},
	} {
		if _, err := v.Verify(t.Context(), tt.token); !errors.Is(err, tt.want) {
			t.Errorf("%s: error is %v, want %v", name, err, tt.want)
		}
	}
}

func TestUnknownKeysAreFetchedOnce(t *testing.T) {
	d := &directory{}
	d.rotate(t, "k1")
	v := NewVerifier(d.fetch)
	good := d.sign(t, claims())
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	stranger := &directory{}
	stranger.rotate(t, "k9")
	bad := stranger.sign(t, claims())
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() { _, _ = v.Verify(t.Context(), bad) })
	}
	wait.Wait()
	if d.fetches > 2 {
		t.Errorf("fetched %d times", d.fetches)
	}

	// A new key is found once the last fetch is old enough.
	d.rotate(t, "k2")
	v.age()
	for _, token := range []string{d.sign(t, claims()), good} {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
}

// age makes the last fetch old enough for the next.
func (v *Verifier) age() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last.began = v.last.began.Add(-refetchEvery)
}

func TestNoKeys(t *testing.T) {
	d := &directory{down: errors.New("down")}
	d.rotate(t, "k1")
	v := NewVerifier(d.fetch)
	token := d.sign(t, claims())
	// However many ask: they are answered by one fetch.
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrNoKeys) || !errors.Is(err, d.down) {
				t.Errorf("without keys: %v", err)
			}
		})
	}
	wait.Wait()
	if d.fetches != 1 {
		t.Errorf("fetched %d times", d.fetches)
	}
	d.down = nil
	v.age()
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("with keys: %v", err)
	}
	d.down = errors.New("down")
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("directory is down, the key is known: %v", err)
	}
	// The key may be a new one: that the token is bad cannot be said.
	stranger := &directory{}
	stranger.rotate(t, "k9")
	v.age()
	if _, err := v.Verify(t.Context(), stranger.sign(t, claims())); !errors.Is(err, ErrNoKeys) {
		t.Errorf("directory is down, the key is unknown: %v", err)
	}
}

// TestFetchOutlivesItsCaller has the client whose token began the fetch go away: the others get the
// keys all the same, and tokens with a known key never wait.
func TestFetchOutlivesItsCaller(t *testing.T) {
	d := &directory{}
	d.rotate(t, "k1")
	hold, entered := make(chan struct{}), make(chan struct{}, 1)
	slow := false
	v := NewVerifier(func(ctx context.Context) ([]byte, error) {
		if slow {
			entered <- struct{}{}
			<-hold
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		return d.fetch(ctx)
	})
	known := d.sign(t, claims())
	if _, err := v.Verify(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	slow = true
	v.age()
	d.rotate(t, "k2")
	fresh := d.sign(t, claims())
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		if _, err := v.Verify(ctx, fresh); err != nil {
			t.Errorf("whoever fetched: %v", err)
		}
	})
	<-entered
	cancel()
	if _, err := v.Verify(ctx, fresh); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait: %v", err)
	}
	if _, err := v.Verify(t.Context(), known); err != nil {
		t.Errorf("a known key while the keys are fetched: %v", err)
	}
	wait.Go(func() {
		if _, err := v.Verify(t.Context(), fresh); err != nil {
			t.Errorf("another client: %v", err)
		}
	})
	close(hold)
	wait.Wait()
}
