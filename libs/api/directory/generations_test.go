package directory

import (
	"context"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/chat"
)

func TestGenerations(t *testing.T) {
	var s answers
	s.init()
	s.limit = 1000
	for range 3*s.limit + 1 {
		k := key{chat.NewID(), "r1"}
		if !s.holds(k, s.now(k), Access{Read: true}, true) {
			t.Fatal("an answer does not hold, and nothing has changed")
		}
		if a, ok := s.get(k.user, k.room); !ok || !a.Read {
			t.Fatal("an answer was not kept")
		}
	}
	if n := len(s.young) + len(s.old); n > 2*s.limit {
		t.Errorf("%d answers are kept", n)
	}
}

// TestMutesOfTheGenerationBefore: who is muted stays so when the cache begins a new generation, and
// is no more when a new answer says so.
func TestMutesOfTheGenerationBefore(t *testing.T) {
	var s answers
	s.init()
	s.limit = 2
	put := func(user string, a Access) {
		t.Helper()
		if k := (key{user, "r1"}); !s.holds(k, s.now(k), a, true) {
			t.Fatal("an answer does not hold, and nothing has changed")
		}
	}
	muted := Access{Role: RoleMember, Read: true, Send: true, MutedUntil: 7, MutedWhy: "spam"}
	put("ann", muted)
	put("bob", Access{Read: true})
	put("cy", Access{Read: true}) // begins the next
	if a, ok := s.get("ann", "r1"); !ok || a != muted {
		t.Errorf("the muted may %+v, %v", a, ok)
	}
	free := Access{Role: RoleMember, Read: true, Send: true}
	put("ann", free)
	if a, ok := s.get("ann", "r1"); !ok || a != free {
		t.Errorf("who is muted no more may %+v, %v", a, ok)
	}
	put("di", muted) // and the next
	if a, ok := s.get("cy", "r1"); !ok || a.MutedUntil != 0 {
		t.Errorf("another may %+v, %v", a, ok)
	}
}

// TestCachedFromTheStart: as soon as the control log is followed, an answer is remembered.
func TestCachedFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openBus(t)
		s := &service{access: map[key]Access{{"ann", "r1"}: {Read: true}}}
		sub, err := api.Handle(t.Context(), b, ServiceAccess, nil, s.answer)
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Stop()
		c := NewCache(b, zap.NewNop())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		synctest.Wait() // and no time passes
		for range 2 {
			if a, err := c.Access(t.Context(), "ann", "r1"); err != nil || !a.Read {
				t.Errorf("%+v, %v", a, err)
			}
		}
		if n := s.count(); n != 1 {
			t.Errorf("directory was asked %d times", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
