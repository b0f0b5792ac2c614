package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// during runs something once, right after a call of the store was done.
func (w *world) during(call string, happen func()) {
	w.memory.Fail(func(c string, done bool) error {
		if c == call && done {
			w.memory.Fail(nil)
			happen()
		}
		return nil
	})
}

// TestBannedWhileLoggingIn bans somebody from the server right after a log-in, or a refresh, has
// found that there is no ban: it fails, and leaves no session.
func TestBannedWhileLoggingIn(t *testing.T) {
	cfg := config()
	for _, path := range []string{"/v1/login", "/v1/refresh"} {
		synctest.Test(t, func(t *testing.T) {
			w := openWorld(t, cfg)
			op, eve := w.operator("Op"), w.register("Eve")
			cache := w.cache(func(directoryapi.Change) {})
			body := `{"name":"Eve","password":"correct horse"}`
			if path == "/v1/refresh" {
				body = refreshBody(eve)
			}
			w.during("Ban", func() {
				time.Sleep(time.Millisecond)
				w.ok("PUT", "/v1/bans/"+eve.User.ID, op.Token, `{}`, nil)
				time.Sleep(2 * time.Second) // tokens tell the time in seconds
			})
			if _, code := w.call("POST", path, "", body, nil); code != "forbidden" && code != "unauthorized" {
				t.Errorf("%s of who is being banned: %q", path, code)
			}
			synctest.Wait()
			if !cache.Revoked(w.claims(eve)) {
				t.Error("the ban was not told; the test crosses nothing")
			}
			w.ok("DELETE", "/v1/bans/"+eve.User.ID, op.Token, "", nil)
			if live := w.live(eve); len(live) > 0 {
				t.Errorf("after the ban there are %+v", live)
			}
		})
	}
}

// TestWhoAsksGoes ends a request while its change is being made: it is made and told, and not
// counted as a fault.
func TestWhoAsksGoes(t *testing.T) {
	w := idle(t, config())
	core, logs := observer.New(zap.WarnLevel)
	w.log = zap.New(core)
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Open"}`)
	ctx, leave := context.WithCancel(t.Context())
	w.during("PutIntent", leave)
	if _, err := w.members.addMember(ctx, w.claims(ann), room.ID, bob.User.ID, directoryapi.RoleMember); err != nil {
		t.Error(err)
	}
	if m, err := w.store.Member(t.Context(), room.ID, bob.User.ID); err != nil || m.Role != directoryapi.RoleMember {
		t.Errorf("the member is %+v, %v", m, err)
	}
	if e := w.last(room.ID); e.Member != bob.User.ID || e.Role != "member" {
		t.Errorf("the room was told %+v", e)
	}
	if left := w.age(); len(left) > 0 {
		t.Errorf("left to tell: %+v", left)
	}
	// Before that, nothing is done, and nothing is wrong with the store.
	request := func(ctx context.Context) int {
		r := httptest.NewRequestWithContext(ctx, "GET", "/v1/rooms", strings.NewReader(""))
		r.Header.Set("Authorization", "Bearer "+ann.Token)
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		return rec.Code
	}
	if code := request(ctx); code != 503 || testutil.ToFloat64(w.metrics.storeErrors) != 0 || logs.Len() != 0 {
		t.Errorf("who has gone is answered %d; %v faults of the store are counted, and logged %v", code, testutil.ToFloat64(w.metrics.storeErrors), logs.All())
	}
	w.store.failAt("Session", io.ErrUnexpectedEOF)
	if code := request(t.Context()); code != 503 || testutil.ToFloat64(w.metrics.storeErrors) != 1 || logs.Len() != 1 {
		t.Errorf("a fault of the store is answered %d; %v are counted, and logged %v", code, testutil.ToFloat64(w.metrics.storeErrors), logs.All())
	}
}

// TestAnotherReason: a ban that is given again has the new reason, and nobody is told of it twice.
func TestAnotherReason(t *testing.T) {
	w := idle(t, config())
	ann, bob := w.comeIn("Ann"), w.comeIn("Bob")
	room := w.create(ann, `{"name":"Open"}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	ban := func(reason string) (told int) {
		t.Helper()
		w.ok("PUT", "/v1/rooms/"+room.ID+"/bans/"+bob.User.ID, ann.Token, fmt.Sprintf(`{"reason":%q}`, reason), nil)
		return len(w.events(room.ID)) + len(w.events(chat.UserRoom(bob.User.ID))) + len(w.control())
	}
	first := ban("spam")
	if again := ban("much spam"); again != first {
		t.Errorf("%d entries were told of another reason", again-first)
	}
	if b, err := w.store.Ban(t.Context(), room.ID, bob.User.ID); err != nil || b.Reason != "much spam" {
		t.Errorf("the ban is %+v, %v", b, err)
	}
}

// TestGuestLeavesNothing: with a guest all memberships and bans go, and direct rooms stay to the
// other.
func TestGuestLeavesNothing(t *testing.T) {
	cfg := config()
	w := idle(t, cfg)
	op, gus := w.operator("Op"), w.comeIn("Gus")
	w.keepHouse(t.Context())
	room := w.create(op, `{"name":"Open"}`)
	w.bring(op, room.ID, gus, directoryapi.RoleMember)
	var direct roomView
	w.ok("POST", "/v1/direct", op.Token, fmt.Sprintf(`{"user":%q}`, gus.User.ID), &direct)
	w.ok("PUT", "/v1/rooms/lobby/bans/"+gus.User.ID, op.Token, `{}`, nil)
	w.ok("POST", "/v1/logout", gus.Token, "", nil)
	w.keepHouse(t.Context())
	if _, err := w.store.User(t.Context(), gus.User.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the guest: %v", err)
	}
	if bans, err := w.store.BansOf(t.Context(), gus.User.ID); err != nil || len(bans) > 0 {
		t.Errorf("bans of nobody: %+v, %v", bans, err)
	}
	mine, err := w.store.MembershipsOf(t.Context(), gus.User.ID, 10)
	if err != nil || len(mine) > 0 {
		t.Errorf("memberships are %+v, %v", mine, err)
	}
	if r, listed := w.listed(op)[direct.ID]; listed {
		t.Errorf("the direct room is %+v", r)
	}
	// The ended session of a user with a password goes, and the user does not.
	w.ok("POST", "/v1/logout", op.Token, "", nil)
	w.keepHouse(t.Context())
	if left, err := w.store.SessionsBefore(t.Context(), time.Now().UnixMilli(), 10); err != nil || len(left) > 0 {
		t.Errorf("ended sessions are kept: %+v, %v", left, err)
	}
	if _, err := w.store.User(t.Context(), op.User.ID); err != nil {
		t.Error(err)
	}
}

// TestKeysAreReadAgain: a question for the keys has the store read, once a second at most, and is
// answered without it.
func TestKeysAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		time.Sleep(rereadEvery)
		reads := 0
		down := false
		w.store.set(func(method string) error {
			if method != "Keys" {
				return nil
			}
			reads++
			if down {
				return io.ErrUnexpectedEOF
			}
			return nil
		})
		for i, tt := range []struct {
			wait  time.Duration
			down  bool
			reads int
		}{
			{0, false, 1}, {0, false, 1}, {rereadEvery - time.Millisecond, false, 1}, {time.Millisecond, false, 2}, {rereadEvery, true, 3}, {0, true, 3},
			{rereadEvery, true, 4}, {rereadEvery, false, 5},
		} {
			time.Sleep(tt.wait)
			down = tt.down
			set, err := directoryapi.NewClient(w.bus).Keys(t.Context())
			if err != nil || len(set) == 0 || reads != tt.reads {
				t.Errorf("question %d: %d bytes, %v; the store was read %d times, want %d", i, len(set), err, reads, tt.reads)
			}
		}
	})
}

// TestHousekeeping: it is done every five seconds, and each part of it whether or not the others
// fail.
func TestHousekeeping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		w.stop()
		w.every = housekeepingEvery
		rounds, told := 0, 0
		w.memory.Fail(func(call string, done bool) error {
			switch {
			case done:
			case call == "SessionsBefore":
				rounds++
				return io.ErrUnexpectedEOF
			case call == "IntentsBefore":
				told++
			}
			return nil
		})
		stop := background(t, w.Run)
		time.Sleep(2*housekeepingEvery + time.Second)
		synctest.Wait()
		stop()
		if rounds != 3 || told != 3 {
			t.Errorf("%d and %d rounds of housekeeping in 11 s", rounds, told)
		}
	})
}
