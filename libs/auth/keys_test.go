package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestNoKeysIsNoBadToken: while the keys cannot be had, nobody is told that a token is bad.
func TestNoKeysIsNoBadToken(t *testing.T) {
	d := &directory{}
	d.rotate(t, "k1")
	for name, fetch := range map[string]func(context.Context) ([]byte, error){
		"away":    func(context.Context) ([]byte, error) { return nil, errors.New("away") },
		"garbage": func(context.Context) ([]byte, error) { return []byte("nonsense"), nil },
		"empty":   func(context.Context) ([]byte, error) { return []byte(`{"keys":[]}`), nil },
	} {
		_, err := NewVerifier(fetch).Verify(t.Context(), d.sign(t, claims()))
		if !errors.Is(err, ErrNoKeys) || errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBadAnswerKeepsKeys: an answer that cannot be read takes no key away.
func TestBadAnswerKeepsKeys(t *testing.T) {
	d, stranger := &directory{}, &directory{}
	d.rotate(t, "k1")
	stranger.rotate(t, "k9")
	answer := ""
	v := NewVerifier(func(ctx context.Context) ([]byte, error) {
		if answer != "" {
			return []byte(answer), nil
		}
		return d.fetch(ctx)
	})
	good, bad := d.sign(t, claims()), stranger.sign(t, claims())
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for _, answer = range []string{"nonsense", `{"keys":[]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k9","x":"AA"}]}`} {
		v.age()
		if _, err := v.Verify(t.Context(), bad); !errors.Is(err, ErrNoKeys) {
			t.Errorf("an unknown key, and the answer is %s: %v", answer, err)
		}
		if _, err := v.Verify(t.Context(), good); err != nil {
			t.Errorf("a known key, and the answer is %s: %v", answer, err)
		}
	}
}

// TestSlowFetch: however long a fetch takes, nobody begins another before it has ended; and it
// ends.
func TestSlowFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{}
		d.rotate(t, "k1")
		token := d.sign(t, claims())
		fetches := 0
		v := NewVerifier(func(ctx context.Context) ([]byte, error) {
			fetches++
			if fetches > 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			time.Sleep(3 * refetchEvery)
			return d.fetch(ctx)
		})
		var wait sync.WaitGroup
		for i := range 5 {
			wait.Go(func() {
				time.Sleep(time.Duration(i) * refetchEvery / 2)
				if _, err := v.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if fetches != 1 {
			t.Errorf("fetched %d times", fetches)
		}
		time.Sleep(refetchEvery)
		began := time.Now()
		d.rotate(t, "k2")
		if _, err := v.Verify(t.Context(), d.sign(t, claims())); !errors.Is(err, ErrNoKeys) {
			t.Errorf("no answer: %v", err)
		}
		if took := time.Since(began); took != fetchTimeout {
			t.Errorf("without an answer it took %s", took)
		}
	})
}

// TestFetchedMeanwhile: who finds the key there when it is its turn to fetch does not, and holds up
// nobody.
func TestFetchedMeanwhile(t *testing.T) {
	d := &directory{}
	d.rotate(t, "k1")
	v := NewVerifier(d.fetch)
	if _, err := v.Verify(t.Context(), d.sign(t, claims())); err != nil {
		t.Fatal(err)
	}
	v.age()
	for range 2 {
		if err := v.refetch(t.Context(), "k1"); err != nil {
			t.Error(err)
		}
	}
	if d.fetches != 1 {
		t.Errorf("fetched %d times", d.fetches)
	}
}

// TestMilliseconds: a token is of the millisecond that it was made in, up to the last of a second.
func TestMilliseconds(t *testing.T) {
	d := &directory{}
	d.rotate(t, "k1")
	v := NewVerifier(d.fetch)
	for _, ms := range []time.Duration{0, 1, 998, 999} {
		c := claims()
		c.Issued = c.Issued.Truncate(time.Second).Add(ms * time.Millisecond)
		if got, err := v.Verify(t.Context(), d.sign(t, c)); err != nil || !got.Issued.Equal(c.Issued) {
			t.Errorf("%d ms: %v, %v", ms, got.Issued, err)
		}
	}
}

// TestLongestToken: one of the greatest length is looked at, and a longer one is not.
func TestLongestToken(t *testing.T) {
	fetches := 0
	v := NewVerifier(func(context.Context) ([]byte, error) { fetches++; return nil, errors.New("away") })
	of := func(n int) string {
		head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","kid":"k1"}`))
		body := base64.RawURLEncoding.EncodeToString([]byte(`{}`))
		return head + "." + body + "." + strings.Repeat("A", n-len(head)-len(body)-2)
	}
	if _, err := v.Verify(t.Context(), of(maxToken+1)); !errors.Is(err, ErrInvalid) || fetches != 0 {
		t.Errorf("longer: %v, fetched %d times", err, fetches)
	}
	if _, err := v.Verify(t.Context(), of(maxToken)); !errors.Is(err, ErrNoKeys) || fetches != 1 {
		t.Errorf("just as long: %v, fetched %d times", err, fetches)
	}
}

// TestDecodeKeys: keys of other kinds are left out, and a broken one is an error.
func TestDecodeKeys(t *testing.T) {
	d := &directory{}
	d.rotate(t, "k1")
	x := base64.RawURLEncoding.EncodeToString(d.keys[0].Key)
	key := func(kty, crv, kid, x string) string {
		return fmt.Sprintf(`{"kty":%q,"crv":%q,"kid":%q,"x":%q}`, kty, crv, kid, x)
	}
	good := key("OKP", "Ed25519", "k1", x)
	for name, tt := range map[string]struct {
		keys string
		n    int // 0: it is an error
	}{
		"one": {good, 1}, "of other kinds beside it": {good + "," + key("RSA", "Ed25519", "a", "") + "," + key("OKP", "X25519", "b", "") + "," + key("OKP", "Ed25519", "", x), 1},
		"two": {good + "," + key("OKP", "Ed25519", "k2", x), 2}, "none of this kind": {key("RSA", "", "a", ""), 0}, "too short": {key("OKP", "Ed25519", "k1", x[:40]), 0},
		"more behind it": {key("OKP", "Ed25519", "k1", x+"!"), 0}, "one broken": {good + "," + key("OKP", "Ed25519", "k2", "AA"), 0},
	} {
		keys, err := decodeKeys([]byte(`{"keys":[` + tt.keys + `]}`))
		if len(keys) != tt.n || (err == nil) != (tt.n > 0) {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
		}
	}
}
