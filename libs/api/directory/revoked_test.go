package directory

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

func TestRevoked(t *testing.T) {
	now := time.Now()
	token := func(user, session string, issued time.Time) auth.Claims {
		return auth.Claims{User: user, Session: session, Issued: issued, Expires: issued.Add(time.Hour)}
	}
	var r revocations
	r.init()
	r.limit = 1000
	r.add(Change{Kind: ChangeUser, User: "ann", Session: "s1", At: now.UnixMilli()}, now)
	r.add(Change{Kind: ChangeUser, User: "bob", At: now.UnixMilli()}, now)
	// told late
	r.add(Change{Kind: ChangeUser, User: "bob", At: now.Add(-time.Hour).UnixMilli()}, now)
	r.add(Change{Kind: ChangeUser, User: "eve", At: now.Add(-48 * time.Hour).UnixMilli()}, now)
	for name, tt := range map[string]struct {
		token auth.Claims
		want  bool
	}{
		"the session":         {token("ann", "s1", now.Add(-time.Minute)), true},
		"its later token":     {token("ann", "s1", now.Add(time.Minute)), true},
		"another session":     {token("ann", "s2", now.Add(-time.Minute)), false},
		"a token from before": {token("bob", "s3", now.Add(-time.Minute)), true},
		"a token from after":  {token("bob", "s4", now.Add(time.Minute)), false},
		"of the same moment":  {token("bob", "s4", now.Truncate(time.Millisecond)), true},
		"of the next moment":  {token("bob", "s4", now.Truncate(time.Millisecond).Add(time.Millisecond)), false},
		"no such token lives": {token("eve", "s5", now.Add(-49*time.Hour)), false},
		"somebody else":       {token("zed", "s6", now), false},
	} {
		if got := r.has(tt.token); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for i := range r.limit {
		r.add(Change{Kind: ChangeUser, User: "ann", Session: fmt.Sprint("x", i), At: now.UnixMilli()}, now)
	}
	if !r.has(token("ann", "s1", now)) || !r.has(token("bob", "s3", now.Add(-time.Minute))) {
		t.Error("many revocations made older ones unknown")
	}
	for i := range 3 * r.limit {
		r.add(Change{Kind: ChangeUser, User: "ann", Session: strconv.Itoa(i), At: now.UnixMilli()}, now)
	}
	if n := len(r.young) + len(r.old); n > 2*r.limit {
		t.Errorf("%d revocations are kept", n)
	}
}

// TestRevocationsAreForgotten: a revocation is known for as long as a token that it voids may be
// good, and not for ever.
func TestRevocationsAreForgotten(t *testing.T) {
	now := time.Now()
	var r revocations
	r.init()
	add := func(session string, at time.Time) {
		r.add(Change{Kind: ChangeUser, User: "ann", Session: session, At: at.UnixMilli()}, at)
	}
	add("s1", now)
	add("s2", now.Add(maxTokenLife+time.Second)) // begins a generation
	if !r.has(auth.Claims{Session: "s1"}) || !r.has(auth.Claims{Session: "s2"}) {
		t.Error("a revocation is not known one generation later")
	}
	add("s3", now.Add(2*maxTokenLife+2*time.Second))
	if r.has(auth.Claims{Session: "s1"}) || !r.has(auth.Claims{Session: "s2"}) {
		t.Error("revocations of no token that is good are kept")
	}
	late := now.Add(3 * maxTokenLife)
	r.add(Change{Kind: ChangeUser, User: "ann", Session: "old", At: late.Add(-maxTokenLife - time.Second).UnixMilli()}, late)
	r.add(Change{Kind: ChangeUser, User: "ann", Session: "young", At: late.Add(-maxTokenLife + time.Second).UnixMilli()}, late)
	r.add(Change{Kind: ChangeUser, At: late.UnixMilli()}, late) // of nobody
	if r.has(auth.Claims{Session: "old"}) || !r.has(auth.Claims{Session: "young"}) || r.has(auth.Claims{Issued: now}) {
		t.Errorf("kept are %v", r.young)
	}
}

// TestRevokedBeforeTheStart has a log-in end before the cache is there: it is in the control log,
// and known as soon as the cache says that it is, although the log can at first not be read.
func TestRevokedBeforeTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &scripted{followed: func() {}}
		add := func(c Change) bus.Entry {
			data, err := EncodeChange(c)
			if err != nil {
				t.Fatal(err)
			}
			b.log = append(b.log, bus.Entry{Room: chat.ControlRoom, Seq: uint64(len(b.log) + 1), ID: strconv.Itoa(len(b.log)), Data: data})
			return b.log[len(b.log)-1]
		}
		for range recallPage { // it is not on the first page
			add(Change{Kind: ChangeAccess, User: "ann", Room: "r1"})
		}
		add(Change{Kind: ChangeUser, User: "ann", Session: "s1", At: time.Now().UnixMilli()})
		b.log[3].Data = []byte("_{") // is passed over
		c := NewCache(b, zap.NewNop())
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for _, err := range []error{c.Ready(t.Context()), c.Known(gone)} {
			if chat.CodeOf(err) != chat.CodeUnavailable {
				t.Errorf("before the log was read: %v", err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = c.Run(ctx) })
		defer run.Wait()
		defer cancel()
		b.mu.Lock()
		b.failReplay = 2
		b.mu.Unlock()
		began := time.Now()
		if err := c.Known(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !c.Revoked(auth.Claims{User: "ann", Session: "s1"}) {
			t.Error("who was shut out before the start is let in")
		}
		if err := c.Ready(t.Context()); err != nil || b.failReplay != 0 || time.Since(began) > 3*recallEvery {
			t.Errorf("not ready %s after the start: %v", time.Since(began), err)
		}
		b.follow.Entry(add(Change{Kind: ChangeUser, User: "ann", Session: "s2", At: time.Now().UnixMilli()}))
		if !c.Revoked(auth.Claims{User: "ann", Session: "s2"}) || c.Revoked(auth.Claims{User: "ann", Session: "s3"}) {
			t.Error("who is shut out now is let in, or another is not")
		}
	})
}
