package directory

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

func (w *world) resetCode(secret, password string) string {
	w.t.Helper()
	_, code := w.call("POST", "/v1/reset", "", fmt.Sprintf(`{"secret":%q,"password":%q}`, secret, password), nil)
	return code
}

// TestReset: an operator makes links by which a user who has forgotten the password chooses
// another.
func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		w := openWorld(t, cfg)
		op, boss, ann, gus := w.operator("Op"), w.operator("Boss"), w.register("Ann"), w.comeIn("Gus")
		w.keepHouse(t.Context())
		for _, tt := range []struct {
			name string
			who  credentials
			user string
			code string
		}{
			{"by anybody", ann, ann.User.ID, "forbidden"}, {"of a guest", op, gus.User.ID, "conflict"}, {"of nobody", op, "nobody", "not_found"},
			{"of another operator", op, boss.User.ID, "forbidden"},
		} {
			if code := w.code(tt.who, "POST", "/v1/users/"+tt.user+"/reset", `{}`); code != tt.code {
				t.Errorf("a link %s: %q, want %q", tt.name, code, tt.code)
			}
		}
		link := func() (out resetOutput) {
			t.Helper()
			w.ok("POST", "/v1/users/"+ann.User.ID+"/reset", op.Token, `{}`, &out)
			return out
		}
		older, newer := link(), link()
		if newer.Path != "#/reset/"+newer.Secret || newer.Expires != time.Now().Add(24*time.Hour).UnixMilli() {
			t.Errorf("the link is %+v", newer)
		}
		if _, err := w.store.Ticket(t.Context(), newer.Secret); err == nil {
			t.Error("the store has the secret")
		}
		cache := w.cache(func(directoryapi.Change) {})
		time.Sleep(time.Second)
		for _, tt := range []struct{ name, secret, password, code string }{
			{"an older link", older.Secret, "battery staple", "forbidden"}, {"one made up", "x", "battery staple", "forbidden"},
			{"a bad password", newer.Secret, "short", "bad_request"}, {"the link", newer.Secret, "battery staple", ""}, {"it again", newer.Secret, "three blind mice", "forbidden"},
		} {
			if code := w.resetCode(tt.secret, tt.password); code != tt.code {
				t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
			}
		}
		if code := w.refreshCode(ann); code != "unauthorized" || len(w.live(ann)) != 0 {
			t.Errorf("a log-in from before: %q", code)
		}
		synctest.Wait()
		if !cache.Revoked(w.claims(ann)) {
			t.Error("its sockets stay open")
		}
		for password, want := range map[string]string{"correct horse": "unauthorized", "battery staple": ""} {
			if _, code := w.call("POST", "/v1/login", "", fmt.Sprintf(`{"name":"Ann","password":%q}`, password), nil); code != want {
				t.Errorf("a log-in with %q: %q", password, code)
			}
		}
		late := link()
		time.Sleep(24 * time.Hour)
		if code := w.resetCode(late.Secret, "three blind mice"); code != "forbidden" {
			t.Errorf("a day later: %q", code)
		}
		w.keepHouse(t.Context())
		if _, err := w.store.Ticket(t.Context(), ticketHash(late.Secret)); err == nil {
			t.Error("it is kept for ever")
		}
		acts, err := w.store.Acts(t.Context(), store.ActFilter{Subject: ann.User.ID, Action: actReset}, 10)
		if err != nil || len(acts) != 1 || acts[0].Actor != ann.User.ID || acts[0].Outcome != store.OutcomeDone {
			t.Errorf("written down: %+v, %v", acts, err)
		}
	})
}

// TestResetAtOnce uses one link from several places at the same moment: one of them has it.
// TestPasswordVoidsLinks: a link that was made before the user chose another password is good for
// nothing, and that of another is.
func TestPasswordVoidsLinks(t *testing.T) {
	w := openWorld(t, config())
	op, ann, bob := w.operator("Op"), w.register("Ann"), w.register("Bob")
	link := func(u credentials) string {
		t.Helper()
		var out resetOutput
		w.ok("POST", "/v1/users/"+u.User.ID+"/reset", op.Token, `{}`, &out)
		return out.Secret
	}
	anns, bobs := link(ann), link(bob)
	u, err := w.store.User(t.Context(), ann.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	// as every way to a new password does
	if err := w.passwords.storeHash(t.Context(), u, "another"); err != nil {
		t.Fatal(err)
	}
	if code := w.resetCode(anns, "battery staple"); code != "forbidden" {
		t.Errorf("the link from before: %q", code)
	}
	if code := w.resetCode(bobs, "battery staple"); code != "" {
		t.Errorf("the link of another: %q", code)
	}
}

func TestResetAtOnce(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	secret, _, err := w.tickets.newTicket(t.Context(), store.Ticket{Kind: ticketReset, User: ann.User.ID}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	codes := make([]string, 8)
	var wait sync.WaitGroup
	for i := range codes {
		wait.Go(func() { codes[i] = w.resetCode(secret, fmt.Sprint("battery staple ", i)) })
	}
	wait.Wait()
	done := 0
	for i, code := range codes {
		if code == "" {
			done++
			if _, code := w.call("POST", "/v1/login", "", fmt.Sprintf(`{"name":"Ann","password":"battery staple %d"}`, i), nil); code != "" {
				t.Errorf("a log-in with the one that was taken: %q", code)
			}
		}
	}
	if done != 1 {
		t.Errorf("answered %q", codes)
	}
}
