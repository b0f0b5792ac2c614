package directory

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
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
	r.add(Change{Kind: ChangeUser, User: "ann", Session: "s1", At: now.UnixMilli()}, now)
	r.add(Change{Kind: ChangeUser, User: "bob", At: now.UnixMilli()}, now)
	r.add(Change{Kind: ChangeUser, User: "bob", At: now.Add(-time.Hour).UnixMilli()}, now) // told late
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
		"no such token lives": {token("eve", "s5", now.Add(-49*time.Hour)), false},
		"somebody else":       {token("zed", "s6", now), false},
	} {
		if got := r.has(tt.token); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for i := range 3 * maxRevocations {
		r.add(Change{Kind: ChangeUser, User: "ann", Session: strconv.Itoa(i), At: now.UnixMilli()}, now)
	}
	if n := len(r.young) + len(r.old); n > 2*maxRevocations {
		t.Errorf("%d revocations are kept", n)
	}
}

// lateLog is a bus whose log can at first not be read back.
type lateLog struct {
	bus.Bus
	fails atomic.Int64
}

// Replay implements bus.Log.
func (l *lateLog) Replay(ctx context.Context, room string, after bus.Position, limit int) (bus.Replayed, error) {
	if l.fails.Add(-1) >= 0 {
		return bus.Replayed{}, bus.ErrUnavailable
	}
	return l.Bus.Replay(ctx, room, after, limit)
}

// TestRevokedBeforeTheStart has a log-in end before the cache is there: it is in the control log, and known as soon as the
// cache says that it is.
func TestRevokedBeforeTheStart(t *testing.T) {
	b := &lateLog{Bus: openBus(t)}
	b.fails.Store(2)
	for range recallPage { // it is not on the first page
		publish(t, b, Change{Kind: ChangeAccess, User: "ann", Room: "r1"})
	}
	publish(t, b, Change{Kind: ChangeUser, User: "ann", Session: "s1", At: time.Now().UnixMilli()})
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
	if err := c.Known(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !c.Revoked(auth.Claims{User: "ann", Session: "s1"}) {
		t.Error("who was shut out before the start is let in")
	}
	if err := c.Ready(t.Context()); err != nil || b.fails.Load() >= 0 {
		t.Errorf("not ready when all is known: %v", err)
	}
	publish(t, b, Change{Kind: ChangeUser, User: "ann", Session: "s2", At: time.Now().UnixMilli()})
	eventually(t, func() bool { return c.Revoked(auth.Claims{User: "ann", Session: "s2"}) })
	if c.Revoked(auth.Claims{User: "ann", Session: "s3"}) {
		t.Error("a session that nobody ended is revoked")
	}
}
