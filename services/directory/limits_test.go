package directory

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestRoomsOfOneUser: whoever is in as many rooms as one may be in enters, makes and opens no more,
// and can leave one.
func TestRoomsOfOneUser(t *testing.T) {
	w := idle(t, config())
	ann, bob := w.comeIn("Ann"), w.comeIn("Bob")
	open, closed := w.create(bob, `{"name":"Open"}`), w.create(bob, `{"name":"Closed","private":true}`)
	for i := range maxRooms - 1 {
		if err := w.store.PutMember(t.Context(), memberOf(fmt.Sprintf("r%d", i), ann)); err != nil {
			t.Fatal(err)
		}
	}
	w.ok("POST", "/v1/rooms/"+open.ID+"/join", ann.Token, "", nil) // the last
	another := w.create(bob, `{"name":"Another"}`)
	for _, tt := range []struct {
		who                credentials
		method, path, body string
		code               string
	}{
		{ann, "POST", "/v1/rooms/" + another.ID + "/join", "", "too_many"},
		{ann, "POST", "/v1/rooms", `{"name":"Mine"}`, "too_many"},
		// which count by themselves
		{ann, "POST", "/v1/direct", fmt.Sprintf(`{"user":%q}`, bob.User.ID), ""},
		{bob, "POST", "/v1/rooms/" + closed.ID + "/members", fmt.Sprintf(`{"user":%q}`, ann.User.ID), "too_many"},
		{ann, "POST", "/v1/rooms/" + open.ID + "/join", "", ""}, // in which she is
		{ann, "POST", "/v1/rooms/" + open.ID + "/leave", "", ""},
		{ann, "POST", "/v1/rooms/" + another.ID + "/join", "", ""},
	} {
		if c := w.code(tt.who, tt.method, tt.path, tt.body); c != tt.code {
			t.Errorf("%s %s: %q, want %q", tt.method, tt.path, c, tt.code)
		}
	}
}

// TestLongLists: members, everybody and bans are answered in parts that say whether there is more,
// and miss nobody.
func TestLongLists(t *testing.T) {
	cfg := config()
	w := idle(t, cfg)
	op := w.operator("Op")
	w.keepHouse(t.Context())
	room := w.create(op, `{"name":"Large"}`)
	const n = 2*maxMembers + 1
	for i := range n {
		user := fmt.Sprintf("z%05d", i) // after the id of the operator
		ctx := t.Context()
		for _, err := range []error{
			w.store.CreateUser(ctx, store.User{ID: user, Name: user, NameKey: user}),
			w.store.PutMember(ctx, store.Member{Room: room.ID, User: user, Name: user, Role: directoryapi.RoleMember}),
			w.store.PutBan(ctx, store.Ban{Room: "help", User: user, Name: user}),
			w.store.PutBan(ctx, store.Ban{Room: wholeServer, User: user, Name: user}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for path, others := range map[string]int{
		"/v1/rooms/" + room.ID + "/members": 1, "/v1/rooms/random/members": 1, "/v1/rooms/help/members": 1, "/v1/rooms/help/bans": 0, "/v1/bans": 0,
	} {
		banned := path == "/v1/rooms/help/members" // all but the operator are
		seen := map[string]bool{}
		after := ""
		parts := 0
		for more := true; more; parts++ {
			var out struct {
				Members, Bans []struct{ User string }
				More          bool
			}
			w.ok("GET", path+"?after="+after, op.Token, "", &out)
			all := append(out.Members, out.Bans...)
			if len(all) > maxMembers || !banned && out.More != (len(all) == maxMembers) {
				t.Errorf("%s: %d after %q, more %v", path, len(all), after, out.More)
			}
			for _, one := range all {
				if seen[one.User] {
					t.Errorf("%s: %s is there twice", path, one.User)
				}
				seen[one.User] = true
				after = one.User
			}
			more = out.More && len(all) > 0 && !banned
		}
		want := n + others
		if banned {
			want = 1
		}
		if len(seen) != want {
			t.Errorf("%s: %d in %d parts, want %d", path, len(seen), parts, want)
		}
	}
}

// TestThrottle counts things in a time, and again after it.
func TestThrottle(t *testing.T) {
	th := newThrottle(2, time.Minute)
	now := time.Now()
	for _, tt := range []struct {
		after time.Duration
		keys  []string
		wait  time.Duration // 0: it is allowed
	}{
		{0, []string{"a"}, 0}, {time.Second, []string{"a", "b"}, 0}, {2 * time.Second, []string{"a"}, 58 * time.Second},
		{2 * time.Second, []string{"b", "a"}, 58 * time.Second}, {3 * time.Second, []string{"b"}, 0}, {4 * time.Second, []string{"b"}, 57 * time.Second},
		{59 * time.Second, []string{"a"}, time.Second},
		{60 * time.Second, []string{"a"}, 0}, {60 * time.Second, []string{"a"}, 0}, {60 * time.Second, []string{"a"}, time.Minute},
		{61 * time.Second, []string{"b"}, 0},
	} {
		err := th.count(now.Add(tt.after), "things", tt.keys...)
		e, limited := errors.AsType[*chat.Error](err)
		if limited != (tt.wait > 0) || limited && (e.Code != chat.CodeRateLimited || e.RetryAfter != tt.wait) {
			t.Errorf("%s, after %s: %v, want a wait of %s", tt.keys, tt.after, err, tt.wait)
		}
	}
}

// TestThrottleIsBounded: under an attack with ever new keys, those whose time is over go first, and
// then all.
func TestThrottleIsBounded(t *testing.T) {
	th := newThrottle(1, time.Minute)
	now := time.Now()
	for i := range 2*maxThrottled + 1 {
		_ = th.count(now, "calls", fmt.Sprint(i))
	}
	if n := len(th.since); n > maxThrottled {
		t.Errorf("%d keys are remembered", n)
	}
	th = newThrottle(1, time.Minute)
	for i := range maxThrottled - 1 {
		_ = th.count(now, "calls", fmt.Sprint(i))
	}
	_ = th.count(now.Add(time.Second), "calls", "young")
	_ = th.count(now.Add(time.Minute), "calls", "new")
	if len(th.since) != 2 || th.full(now.Add(time.Minute), "x", "young") == nil {
		t.Errorf("%d keys are remembered, and the young one is not among them", len(th.since))
	}
}

// TestThrottleAtOnce: with any number of takers at the same time no more is taken than there is,
// and what is given back may be taken again.
func TestThrottleAtOnce(t *testing.T) {
	th := newThrottle(5, time.Minute)
	now := time.Now()
	var taken atomic.Int64
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			for range 20 {
				if th.count(now, "calls", "ann", "bob") == nil {
					taken.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if n := taken.Load(); n != 5 {
		t.Errorf("%d were taken of 5", n)
	}
	th.giveBack("ann", "bob", "nobody")
	if th.count(now, "calls", "ann", "bob") != nil || th.count(now, "calls", "ann") == nil {
		t.Error("what was given back cannot be taken, or more")
	}
}
