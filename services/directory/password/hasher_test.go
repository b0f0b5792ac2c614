package password

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alexedwards/argon2id"
)

var cheap = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// queue is a Hasher whose only place is taken, and what happens in it from then on.
type queue struct {
	t       *testing.T
	h       *Hasher
	release chan struct{}
	served  []string // in order
	refused []string
}

// newQueue has to be called in a synctest bubble.
func newQueue(t *testing.T) *queue {
	q := &queue{t: t, h: NewHasher(1, cheap), release: make(chan struct{})}
	go func() { _ = q.h.Do(t.Context(), "first", false, func() error { <-q.release; return nil }) }()
	synctest.Wait()
	return q
}

// come queues a password, and returns when it waits or is refused. Only one of these goroutines
// runs at a time.
func (q *queue) come(ctx context.Context, client string, known bool) {
	go func() {
		err := q.h.Do(ctx, client, known, func() error { q.served = append(q.served, client); return nil })
		if errors.Is(err, ErrBusy) {
			q.refused = append(q.refused, client)
		} else if err != nil {
			q.t.Errorf("%s: %v", client, err)
		}
	}()
	synctest.Wait()
}

// end lets the first go, and thereby all others.
func (q *queue) end() {
	close(q.release)
	synctest.Wait()
	if q.h.free != 1 || q.h.clients.n != 0 || q.h.known.n != 0 || len(q.h.clients.queues)+len(q.h.clients.order) != 0 {
		q.t.Errorf("left over: %d free, %d and %d wait, %v", q.h.free, q.h.clients.n, q.h.known.n, q.h.clients.order)
	}
}

func TestClientsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t)
		for _, client := range strings.Split("aaaabcb", "") {
			q.come(t.Context(), client, false)
		}
		q.come(t.Context(), "known", true)
		q.end()
		if got := strings.Join(q.served, " "); got != "known a b c a b a a" {
			t.Errorf("served %s", got)
		}
	})
}

// A client that floods the queue keeps nobody else out of it.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t)
		for i := range maxHashes {
			q.come(t.Context(), fmt.Sprintf("flood%d", i%4), false)
		}
		q.come(t.Context(), "flood0", false) // has as many as it may
		if want := []string{"flood0"}; !slices.Equal(q.refused, want) {
			t.Errorf("refused %v", q.refused)
		}
		q.come(t.Context(), "ada", false) // takes the place of one of those
		q.come(t.Context(), "ada", true)
		if len(q.refused) != 2 || !strings.HasPrefix(q.refused[1], "flood") {
			t.Errorf("refused %v", q.refused)
		}
		q.end()
		if n := slices.Index(q.served, "ada"); n != 0 || slices.Index(q.served[1:], "ada") > 4 || len(q.served) != maxHashes+1 {
			t.Errorf("ada was served as number %d of %d, %v …", n, len(q.served), q.served[:8])
		}
	})
}

// Many clients with one password each fill the queue: the next one is told at once, and nobody is
// pushed out.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t)
		for i := range maxHashes {
			q.come(t.Context(), fmt.Sprint(i), false)
		}
		q.come(t.Context(), "late", false)
		q.end()
		if !slices.Equal(q.refused, []string{"late"}) || len(q.served) != maxHashes {
			t.Errorf("%d were served, refused %v", len(q.served), q.refused)
		}
	})
}

func TestTurnDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t)
		ctx, cancel := context.WithCancel(t.Context())
		q.come(ctx, "gone", false)
		q.come(t.Context(), "gone", false)
		cancel() // who has gone
		synctest.Wait()
		if !slices.Equal(q.refused, []string{"gone"}) {
			t.Errorf("refused %v", q.refused)
		}
		q.come(t.Context(), "waits", true)
		q.end()
		if got := strings.Join(q.served, " "); got != "waits gone" {
			t.Errorf("served %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // who has waited for hashWait
		q := newQueue(t)
		err := q.h.Do(t.Context(), "late", false, func() error { t.Error("served"); return nil })
		if !errors.Is(err, ErrBusy) {
			t.Errorf("error is %v", err)
		}
		q.end()
	})
}

func TestHash(t *testing.T) {
	h := NewHasher(1, cheap)
	hash, err := h.Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"correct horse": true, "wrong horse": false} {
		if ok, err := h.Matches(password, hash); err != nil || ok != want {
			t.Errorf("%q: %t, %v", password, ok, err)
		}
	}
	failure := errors.New("failure")
	if err := h.Do(t.Context(), "x", false, func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("error is %v", err)
	}
	if h.free != 1 {
		t.Errorf("%d are free", h.free)
	}
}

// BenchmarkHashes hashes 20 passwords at once with the settings that are shipped, and tells how
// much memory the process takes from the system for it.
func BenchmarkHashes(b *testing.B) {
	h := NewHasher(2, argon2id.Params{Memory: 19456, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	before := resident(b)
	peak := before
	for b.Loop() {
		errs := make(chan error)
		for i := range 20 {
			go func() {
				errs <- h.Do(b.Context(), fmt.Sprint(i), false, func() error {
					_, err := h.Hash("correct horse")
					return err
				})
			}()
		}
		for range 20 {
			if err := <-errs; err != nil {
				b.Error(err)
			}
			peak = max(peak, resident(b))
		}
	}
	b.ReportMetric(float64(peak-before)/(1<<20), "more-MiB")
}
