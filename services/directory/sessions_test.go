package directory

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

func refreshBody(c credentials) string { return fmt.Sprintf(`{"refresh_token":%q}`, c.Refresh) }

func TestLogoutRevokes(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	var phone credentials
	w.ok("POST", "/v1/login", "", `{"name":"Ann","password":"correct horse"}`, &phone)
	changes := make(chan directoryapi.Change, 10)
	cache := w.cache(func(c directoryapi.Change) { changes <- c })
	w.ok("POST", "/v1/logout", ann.Token, "", nil)

	claims := w.claims(ann)
	if c := <-changes; c.Kind != directoryapi.ChangeUser || c.User != ann.User.ID || c.Session != claims.Session || c.At == 0 {
		t.Errorf("told %+v", c)
	}
	if !cache.Revoked(claims) || cache.Revoked(w.claims(phone)) {
		t.Error("another than the one log-in is revoked")
	}
	// The token has not expired, and is worth nothing here any more.
	for _, path := range []string{"/v1/me", "/v1/rooms"} {
		if c := w.code(ann, "GET", path, ""); c != "unauthorized" {
			t.Errorf("%s after the logout: %q", path, c)
		}
		if c := w.code(phone, "GET", path, ""); c != "" {
			t.Errorf("%s in the other log-in: %q", path, c)
		}
	}
	if c := w.code(credentials{}, "POST", "/v1/refresh", refreshBody(ann)); c != "unauthorized" {
		t.Errorf("a refresh after the logout: %q", c)
	}
	w.ok("POST", "/v1/refresh", "", refreshBody(phone), nil)
}

// TestLogoutBeatsRefresh logs out while the same log-in is being refreshed elsewhere, after that
// has found it good.
func TestLogoutBeatsRefresh(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	w.store.set(func(method string) error {
		if method == "User" {
			return w.store.EndSession(t.Context(), w.claims(ann).Session)
		}
		return nil
	})
	if c := w.code(credentials{}, "POST", "/v1/refresh", refreshBody(ann)); c != "unauthorized" {
		t.Errorf("a refresh during the logout: %q", c)
	}
	w.store.set(nil)
	if c := w.code(credentials{}, "POST", "/v1/refresh", refreshBody(ann)); c != "unauthorized" {
		t.Errorf("a refresh after the logout: %q", c)
	}
}

func TestTokensAndSessionsExpire(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	claims := w.claims(ann)
	claims.Issued, claims.Expires = claims.Issued.Add(-time.Hour), claims.Issued.Add(-auth.Leeway-time.Second)
	old, err := w.keys.sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	if status, code := w.call("GET", "/v1/me", old, "", nil); status != 401 || code != "token_expired" {
		t.Errorf("an expired token: %d %s", status, code)
	}
	// Each refresh prolongs the session, also one that is about to end by the clock of another
	// replica.
	if err := w.store.ExtendSession(t.Context(), claims.Session, time.Now().UnixMilli(), time.Now().Add(-auth.Leeway/2).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	if err := w.departures.removeEnded(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := w.code(ann, "GET", "/v1/me", ""); c != "" {
		t.Errorf("a request within the leeway: %q", c)
	}
	var next credentials
	w.ok("POST", "/v1/refresh", "", refreshBody(ann), &next)
	if life := time.Duration(next.ExpiresIn) * time.Second; life <= 0 || time.Until(time.UnixMilli(next.ExpiresAt)) > life {
		t.Errorf("a token for %s that ends %s", life, time.UnixMilli(next.ExpiresAt))
	}
	x, err := w.store.Session(t.Context(), claims.Session)
	if err != nil || time.Until(time.UnixMilli(x.Expires)) < time.Hour-time.Minute {
		t.Errorf("the session ends %v, %v", time.UnixMilli(x.Expires), err)
	}
	// One that nobody used for so long ends.
	if err := w.store.ExtendSession(t.Context(), claims.Session, 0, time.Now().Add(-auth.Leeway-time.Second).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	if c := w.code(credentials{}, "POST", "/v1/refresh", refreshBody(ann)); c != "unauthorized" {
		t.Errorf("a refresh after the end: %q", c)
	}
	if c := w.code(ann, "GET", "/v1/me", ""); c != "unauthorized" {
		t.Errorf("a request after the end: %q", c)
	}
	if err := w.departures.removeEnded(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Session(t.Context(), claims.Session); err == nil {
		t.Error("the session is still in the store")
	}
	// Who has a password keeps the account.
	w.ok("POST", "/v1/login", "", `{"name":"Ann","password":"correct horse"}`, nil)
	w.store.failAt("Session", io.ErrUnexpectedEOF)
	if c := w.code(ann, "GET", "/v1/me", ""); c != "unavailable" {
		t.Errorf("a request when the store fails: %q", c)
	}
}

// TestGuestsGo logs a guest out who owns a room, is in another's, and has a direct room.
func TestGuestsGo(t *testing.T) {
	w := openWorld(t, config())
	w.stop()
	w = run(t, config(), w.connect, w.store, 10*time.Millisecond)
	w.eventually("it is prepared", w.prepared.Load)
	guest, ann, bob := w.comeIn("Gus"), w.register("Ann"), w.register("Bob")
	own, alone := w.create(guest, `{"name":"Own"}`), w.create(guest, `{"name":"Alone"}`)
	w.bring(guest, own.ID, ann, directoryapi.RoleMember)
	w.bring(guest, own.ID, bob, directoryapi.RoleModerator)
	anns := w.create(ann, `{"name":"Ann's","private":true}`)
	w.bring(ann, anns.ID, guest, directoryapi.RoleMember)
	var direct roomView
	w.ok("POST", "/v1/direct", ann.Token, fmt.Sprintf(`{"user":%q}`, guest.User.ID), &direct)

	w.ok("POST", "/v1/logout", guest.Token, "", nil)
	w.eventually("the guest is gone", func() bool {
		_, err := w.records.user(t.Context(), guest.User.ID)
		return chat.CodeOf(err) == chat.CodeNotFound
	})
	rooms := w.listed(bob)
	if r := rooms[own.ID]; r.Role != directoryapi.RoleOwner {
		t.Errorf("the guest's room is, to the moderator, %+v", r)
	}
	if _, ok := rooms[alone.ID]; ok {
		t.Error("a room without anybody is still listed")
	}
	if r, listed := w.listed(ann)[direct.ID]; listed {
		t.Errorf("the direct room is %+v", r)
	}
	if e := w.last(anns.ID); e.Type != chat.TypeMember || e.Member != guest.User.ID || e.Role != "" || e.Name != guest.User.Name {
		t.Errorf("the room was told %+v", e)
	}
	if a, err := directoryapi.NewClient(w.bus).Access(t.Context(), guest.User.ID, anns.ID); err != nil || a.Read {
		t.Errorf("the guest's access is %+v, %v", a, err)
	}
	if c := w.code(credentials{}, "POST", "/v1/refresh", refreshBody(guest)); c != "unauthorized" {
		t.Errorf("a refresh after the end: %q", c)
	}
}

// TestGuestWithoutAccount: a crash comes between the guest's session and the account: the session
// goes again.
func TestGuestWithoutAccount(t *testing.T) {
	w := openWorld(t, config())
	u, now := store.User{ID: chat.NewID(), Name: "Gus" + guestMark}, time.Now()
	x, refresh := w.Service.sessions.newSession(t.Context(), u, now)
	if err := w.store.CreateSession(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	c, err := w.Service.sessions.issue(u, x, refresh, now)
	if err != nil {
		t.Fatal(err)
	}
	if code := w.code(credentials{}, "POST", "/v1/refresh", refreshBody(c)); code != "unauthorized" {
		t.Errorf("a refresh: %q", code)
	}
	claims, err := auth.NewVerifier(w.keys.publicSet).Verify(t.Context(), c.Token)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.EndSession(t.Context(), claims.Session); err != nil {
		t.Fatal(err)
	}
	if err := w.departures.removeEnded(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestSessionsOnTheBus asks which sessions have ended, of every kind of end.
func TestSessionsOnTheBus(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	boss, ann, banned, out, guest := w.operator("Boss"), w.register("Ann"), w.register("Eve"), w.register("Out"), w.comeIn("Gus")
	expired, gone := w.register("Old"), w.register("Gone")
	w.ok("PUT", "/v1/bans/"+banned.User.ID, boss.Token, `{}`, nil)
	w.ok("POST", "/v1/logout", out.Token, "", nil)
	if err := w.store.ExtendSession(t.Context(), w.claims(expired).Session, 0, time.Now().Add(-auth.Leeway-time.Second).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	if err := w.store.DeleteSession(t.Context(), w.claims(gone).Session); err != nil {
		t.Fatal(err)
	}
	var asked []directoryapi.Session
	for _, c := range []credentials{ann, banned, out, guest, expired, gone} {
		asked = append(asked, directoryapi.Session{ID: w.claims(c).Session, User: c.User.ID})
	}
	client := directoryapi.NewClient(w.bus)
	if ended, err := client.Sessions(t.Context(), asked); err != nil || !slices.Equal(ended, []int{1, 2, 4, 5}) {
		t.Errorf("ended: %v, %v", ended, err)
	}
	if ended, err := client.Sessions(t.Context(), nil); err != nil || len(ended) != 0 {
		t.Errorf("nothing asked: %v, %v", ended, err)
	}
	for _, bad := range [][]directoryapi.Session{{{ID: "a b", User: "u"}}, {{ID: "a"}}, make([]directoryapi.Session, directoryapi.MaxSessions+1)} {
		if _, err := client.Sessions(t.Context(), bad); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%d sessions: %v", len(bad), err)
		}
	}
	// What the store cannot say has not ended.
	w.store.set(func(string) error { return errors.New("down") })
	if ended, err := client.Sessions(t.Context(), asked[:1]); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("without a store: %v, %v", ended, err)
	}
}
