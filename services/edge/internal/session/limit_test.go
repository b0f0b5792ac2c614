package session

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/auth"
	"hubbub.internal/services/edge/internal/uptime"
)

// TestSocketsOfAUser: as many are reserved as may be, each release makes room for one, and nothing
// is kept of a user who has none.
func TestSocketsOfAUser(t *testing.T) {
	var table socketTable
	for i, want := range []bool{true, true, false, false} {
		if got := table.reserve("ann", 2); got != want {
			t.Errorf("socket %d: %t", i+1, got)
		}
	}
	table.release("ann")
	if !table.reserve("ann", 2) || table.reserve("ann", 2) {
		t.Error("a socket that has gone makes no room for one")
	}
	if !table.reserve("bob", 1) {
		t.Error("another user has no room")
	}
	for _, user := range []string{"ann", "bob", "ann"} {
		table.release(user)
	}
	for i := range table {
		if n := len(table[i].count); n != 0 {
			t.Errorf("%d users are remembered", n)
		}
	}
}

// TestSocketsPerUser: who has as many sessions as one may is refused another until one has gone; 0
// is any number.
func TestSocketsPerUser(t *testing.T) {
	r := newRig(t, Options{SocketsPerUser: 1})
	if !r.enter(0, "ann") || r.enter(1, "ann") || !r.enter(2, "bob") {
		t.Error("not one socket for each user")
	}
	if n := r.counted(t, "refused_total", "user"); n != 1 {
		t.Errorf("%v refusals are counted", n)
	}
	r.conn.Probe().Forget(1) // it never came in, and gives nothing back
	if r.enter(1, "ann") {
		t.Error("a refused socket has made room for another")
	}
	r.conn.Probe().Forget(0)
	if !r.enter(0, "ann") {
		t.Error("refused although the first has gone")
	}
	r = newRig(t, Options{})
	for slot := range uint32(3) {
		if !r.enter(slot, "ann") {
			t.Errorf("socket %d is refused", slot)
		}
	}
}

// TestSweep: what users have sent is forgotten when it has come back, and not before: of commands
// every time, of bytes once in a minute.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer uptime.SetStart(time.Now().Add(-time.Hour))()
		h := newRig(t, Options{UserRate: 1, UserBurst: 10, UserBytes: 10_000}).hub
		kept := func() (buckets, volumes int) {
			for i := range h.users {
				buckets += len(h.users[i].buckets)
			}
			return buckets, h.Volumes().Users()
		}
		h.ChargeUser("ann")
		h.ChargeUser("ann")
		_ = h.ChargeText(Sender{User: "ann"}, 100)
		h.Sweep(60)
		if b, v := kept(); b != 1 || v != 1 {
			t.Errorf("swept at once: %d buckets and %d volumes are kept", b, v)
		}
		time.Sleep(25 * time.Hour)
		h.Sweep(59)
		if b, v := kept(); b != 0 || v != 1 {
			t.Errorf("swept a day later: %d buckets and %d volumes are kept", b, v)
		}
		h.Sweep(120)
		if _, v := kept(); v != 0 {
			t.Errorf("%d volumes are kept for ever", v)
		}
	})
}

// TestSweepKeepsWhatCounts: a user of whom either what was sent in a day or what was sent at once
// has not come back is not forgotten.
func TestSweepKeepsWhatCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer uptime.SetStart(time.Now().Add(-time.Hour))()
		for name, change := range map[string]func(v *volume){
			"of the day": func(v *volume) { v.recent = 0 }, "at once": func(v *volume) { v.bytes = 0 },
		} {
			var all volumes
			if wait, _ := all.charge("ann", 100, 1600); wait != 0 {
				t.Fatalf("to wait %s", wait)
			}
			Volumes{&all}.each(change)
			if all.sweep(); (Volumes{&all}).Users() != 1 {
				t.Errorf("what was sent %s is forgotten", name)
			}
		}
	})
}

// TestVolumeBounds: what is exactly the limit goes, one byte more waits until there is room for it,
// and what has come back is not counted twice.
func TestVolumeBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer uptime.SetStart(time.Now().Add(-time.Hour))()
		// one second gives back AtOnce bytes, and atOnce half a second's
		const quota = 24 * 60 * 60 * AtOnce
		const atOnce = quota / AtOnce
		var v volumes
		take := func(what string, n int64, wantWait time.Duration, wantFast bool) {
			t.Helper()
			if wait, fast := v.charge("ann", n, quota); wait != wantWait || fast != wantFast {
				t.Errorf("%s: to wait %s, fast %t; want %s, %t", what, wait, fast, wantWait, wantFast)
			}
		}
		take("half of what goes at once", atOnce/2, 0, false)
		take("the other half", atOnce/2, 0, false)
		take("a byte more", 1, time.Second, true)
		time.Sleep(time.Second)
		take("a second later", 1, 0, false)
		for range AtOnce - 1 {
			time.Sleep(time.Minute)
			_, _ = v.charge("ann", atOnce, quota)
		}
		time.Sleep(time.Hour)
		if left := v[userSlot("ann")].sent[userKey("ann")].left(uptime.Seconds()); left <= 0 || left >= quota {
			t.Errorf("%d bytes of %d have not come back", left, quota)
		}
	})
}

// TestVolumeOfTheBusy: what comes back too slowly for each message to see it comes back all the
// same.
func TestVolumeOfTheBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer uptime.SetStart(time.Now().Add(-time.Hour))()
		const quota = 6 * AtOnce // a tenth of a byte comes back in a second
		var v volumes
		refused := 0
		for range 100 {
			if wait, _ := v.charge("ann", 1, quota); wait != 0 {
				refused++
			}
			Volumes{&v}.each(func(v *volume) { v.bytes = 0 })
			time.Sleep(5 * time.Second)
		}
		if refused < 40 || refused > 50 {
			t.Errorf("%d of 100 are refused, while half of them come back", refused)
		}
	})
}

// TestVolumeOfOneLongMessage: the first always goes, however small the quota is, and takes up what
// it has.
func TestVolumeOfOneLongMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer uptime.SetStart(time.Now().Add(-time.Hour))()
		var v volumes
		if wait, _ := v.charge("ann", 1000, 100); wait != 0 {
			t.Errorf("the first waits %s", wait)
		}
		if wait, fast := v.charge("ann", 1, 100); wait == 0 || fast {
			t.Errorf("the second waits %s, fast %t", wait, fast)
		}
	})
}

// TestLaterIsBounded: what is asked of a service for a session ends, and is answered at once if
// there is no room for it.
func TestLaterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.enter(0, "ann")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = r.hub.Jobs.Run(ctx) }()
		var left time.Duration
		Later(r.s, r.conn.Ref(0), func(ctx context.Context) (int, error) {
			if at, ok := ctx.Deadline(); ok {
				left = time.Until(at)
			}
			return 1, nil
		}, func(uint32, int, error) {})
		synctest.Wait()
		if left != RequestTimeout {
			t.Errorf("it may take %s", left)
		}
		cancel()
		<-done
	})
}

// TestAnswersForWhoHasGone: an answer that comes when its session has ended is nobody's.
func TestAnswersForWhoHasGone(t *testing.T) {
	r := newRig(t, Options{})
	r.enter(0, "ann")
	answers := 0
	Later(r.s, r.conn.Ref(0), func(context.Context) (int, error) { return 1, nil }, func(uint32, int, error) { answers++ })
	r.conn.Probe().Forget(0)
	r.enter(0, "bob")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.hub.Jobs.Run(ctx) }()
	for r.conn.Probe().Posts() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	r.conn.Probe().RunPosts()
	if answers != 0 {
		t.Error("bob is told what ann had asked")
	}
}

// TestFreeJoins: as many joins of a session cost nothing as it may be in rooms.
func TestFreeJoins(t *testing.T) {
	r := newRig(t, Options{})
	r.enter(0, "ann")
	for i, want := range []bool{true, true, false} {
		if got := r.s.FreeJoin(0, 2); got != want {
			t.Errorf("join %d is free: %t", i+1, got)
		}
	}
}

// TestPresenceOfASession has all that a hello said of it.
func TestPresenceOfASession(t *testing.T) {
	r := newRig(t, Options{})
	now := time.Unix(1_700_000_000, 0)
	r.open(0)
	r.s.Enter(0, &auth.Claims{User: "ann", Name: "Ann", Session: "s", Guest: true}, "phone", now)
	got := r.s.Presence(0)
	if got.User != "ann" || got.Name != "Ann" || got.Device != "phone" || got.Since != now.UnixMilli() || got.ID != firstNumber+1 {
		t.Errorf("%+v", got)
	}
	if from := r.s.Sender(0); from != (Sender{User: "ann", Name: "Ann", Guest: true}) {
		t.Errorf("%+v", from)
	}
	r.enter(1, "bob")
	if id := r.s.Presence(1).ID; id != firstNumber+2 {
		t.Errorf("the next has the number %d", id)
	}
	if from := r.s.Sender(1); from.Guest {
		t.Error("a member is a guest")
	}
}
