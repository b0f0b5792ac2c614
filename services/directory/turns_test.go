package directory

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

// refreshed returns what a refresh token buys.
func (w *world) refreshed(c credentials) (next credentials) {
	w.t.Helper()
	w.ok("POST", "/v1/refresh", "", refreshBody(c), &next)
	return next
}

func (w *world) refreshCode(c credentials) string {
	w.t.Helper()
	_, code := w.call("POST", "/v1/refresh", "", refreshBody(c), nil)
	return code
}

// live returns a user's sessions that have not ended.
func (w *world) live(c credentials) (live []store.Session) {
	w.t.Helper()
	all, err := w.store.SessionsOf(w.t.Context(), c.User.ID, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, x := range all {
		if !over(x, time.Now()) {
			live = append(live, x)
		}
	}
	return live
}

// TestRefreshTurns uses refresh tokens as an owner with two tabs does, and then as a thief.
func TestRefreshTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		core, logs := observer.New(zap.WarnLevel)
		w.log = zap.New(core)
		first := w.register("Ann")
		var phone credentials
		w.ok("POST", "/v1/login", "", `{"name":"Ann","password":"correct horse"}`, &phone)
		second := w.refreshed(first)
		if second.Refresh == first.Refresh {
			t.Fatal("a refresh token stays as it was")
		}
		// The second tab, or the first whose answer was lost.
		time.Sleep(w.cfg.RefreshGrace - time.Second)
		if again := w.refreshed(first); again.Refresh != second.Refresh {
			t.Error("within the grace the same token buys another one")
		}
		third := w.refreshed(second)
		if again := w.refreshed(second); again.Refresh != third.Refresh || third.Refresh == second.Refresh {
			t.Error("the next one does not turn")
		}
		x, err := w.store.Session(t.Context(), w.claims(first).Session)
		if err != nil || x.Expires != time.Now().Add(w.cfg.SessionLife).UnixMilli() || x.Used != time.Now().UnixMilli() {
			t.Errorf("the session is %+v, %v", x, err)
		}
		var told []directoryapi.Change
		cache := w.cache(func(c directoryapi.Change) { told = append(told, c) })
		time.Sleep(w.cfg.RefreshGrace)
		// Somebody makes a token up: that ends nothing.
		made := first
		made.Refresh = x.ID + "." + newSecret().String()
		if code := w.refreshCode(made); code != "unauthorized" {
			t.Errorf("a token that never was: %q", code)
		}
		w.ok("GET", "/v1/me", third.Token, "", nil)
		// Somebody has kept an old one.
		if code := w.refreshCode(second); code != "unauthorized" {
			t.Errorf("a used token after the grace: %q", code)
		}
		if code := w.refreshCode(third); code != "unauthorized" {
			t.Errorf("the log-in after the theft: %q", code)
		}
		if code := w.code(third, "GET", "/v1/me", ""); code != "unauthorized" {
			t.Errorf("a token of it: %q", code)
		}
		synctest.Wait()
		if len(told) != 1 || told[0].Kind != directoryapi.ChangeUser || told[0].Session != x.ID || !cache.Revoked(w.claims(third)) || cache.Revoked(w.claims(phone)) {
			t.Errorf("told %+v", told)
		}
		if said := logs.FilterMessageSnippet("stolen").All(); len(said) != 1 || testutil.ToFloat64(w.metrics.stolen) != 1 {
			t.Errorf("logged %+v, counted %v", said, testutil.ToFloat64(w.metrics.stolen))
		}
		w.refreshed(phone) // the other log-in
	})
}

// TestLostAnswer has a client fall asleep while it refreshes, and wake up long after the grace: it
// says the same attempt again.
func TestLostAnswer(t *testing.T) {
	attempt := func(c credentials, attempt string) string {
		return fmt.Sprintf(`{"refresh_token":%q,"attempt":%q}`, c.Refresh, attempt)
	}
	const mine, another = "attempt of the owner", "attempt of somebody else"
	for _, tt := range []struct {
		name  string
		first string // whose attempt was answered
		used  bool   // what was answered has been used since
		again string // whose attempt comes with the used token
		code  string
	}{
		{"the owner comes back", mine, false, mine, ""},
		{"a thief follows the owner", mine, false, another, "unauthorized"},
		{"a thief who says nothing follows the owner", mine, false, "", "unauthorized"},
		{"the owner comes after a thief", another, false, mine, "unauthorized"},
		{"the owner comes after a thief who said nothing", "", false, mine, "unauthorized"},
		{"the answer was used", mine, true, mine, "unauthorized"},
		{"an older client comes back", "", false, "", "unauthorized"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config()
				cfg.SessionLife = 30 * 24 * time.Hour
				w := openWorld(t, cfg)
				ann := w.register("Ann")
				body := refreshBody(ann)
				if tt.first != "" {
					body = attempt(ann, tt.first)
				}
				var lost, again credentials
				w.ok("POST", "/v1/refresh", "", body, &lost)
				time.Sleep(7 * 24 * time.Hour)
				if tt.used {
					w.refreshed(lost)
				}
				body = refreshBody(ann)
				if tt.again != "" {
					body = attempt(ann, tt.again)
				}
				if _, code := w.call("POST", "/v1/refresh", "", body, &again); code != tt.code {
					t.Errorf("answered %q, want %q", code, tt.code)
				}
				if live := len(w.live(ann)); (live == 1) != (tt.code == "") {
					t.Errorf("%d log-ins are left", live)
				}
				if tt.code == "" && (again.Refresh != lost.Refresh || w.refreshed(again).Refresh == "") {
					t.Errorf("the answer was %q, and is %q", lost.Refresh, again.Refresh)
				}
			})
		})
	}
	w := openWorld(t, config())
	if code := w.code(credentials{}, "POST", "/v1/refresh", attempt(w.register("Ann"), "short")); code != "bad_request" {
		t.Errorf("an attempt that can be guessed: %q", code)
	}
}

// TestRefreshAfterLongUse: somebody keeps the very first token, while the owner refreshes many
// times.
func TestRefreshAfterLongUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		first := w.register("Ann")
		last := first
		for range 10 {
			time.Sleep(w.cfg.TokenLife)
			last = w.refreshed(last)
		}
		if code := w.refreshCode(first); code != "unauthorized" || w.refreshCode(last) != "unauthorized" {
			t.Errorf("the first token: %q; the log-in goes on", code)
		}
	})
}

// TestRefreshIsLimited: one log-in does not keep the store busy with its tokens, and others go on.
func TestRefreshIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.ChangeRate = 5
		w := openWorld(t, cfg)
		ann, bob := w.register("Ann"), w.register("Bob")
		for range cfg.ChangeRate {
			ann = w.refreshed(ann)
		}
		if code := w.refreshCode(ann); code != "rate_limited" {
			t.Errorf("one more: %q", code)
		}
		w.refreshed(bob)
		time.Sleep(time.Minute)
		w.refreshed(ann)
	})
}

// TestRefreshAtOnce has tabs without a lock between them refresh at the same moment.
func TestRefreshAtOnce(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	got := make([]string, maxTurns)
	var wait sync.WaitGroup
	for i := range got {
		wait.Go(func() {
			var c credentials
			w.ok("POST", "/v1/refresh", "", refreshBody(ann), &c)
			got[i] = c.Refresh
		})
	}
	wait.Wait()
	for _, r := range got {
		if r != got[0] || r == "" {
			t.Fatalf("tabs got %q", got)
		}
	}
}

// TestRefreshOfTheReleaseBefore: a log-in of the release before goes on, whose client keeps its
// token for good; and a replica of that release takes the tokens of this one.
func TestRefreshOfTheReleaseBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.SessionLife = 30 * 24 * time.Hour
		w := openWorld(t, cfg)
		ann := w.register("Ann")
		x, err := w.store.Session(t.Context(), w.claims(ann).Session)
		if err != nil {
			t.Fatal(err)
		}
		before := store.Session{ID: "s-before", User: x.User, Created: x.Created, Turn: store.Turn{Hash: x.Hash, Expires: x.Expires}}
		if err := w.store.CreateSession(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		old := ann
		old.Refresh = before.ID + "." + strings.Split(ann.Refresh, ".")[1]
		var next credentials
		for range 20 {
			next = w.refreshed(old)
			time.Sleep(24 * time.Hour)
		}
		// As the release before reads a refresh token.
		id, text, _ := strings.Cut(next.Refresh, ".")
		secret, err := base64.RawURLEncoding.DecodeString(text)
		sum := sha256.Sum256(secret)
		if x, failed := w.store.Session(t.Context(), id); err != nil || failed != nil || len(secret) != 32 || string(sum[:]) != string(x.Hash) {
			t.Errorf("the release before does not take %q: %v, %v", next.Refresh, err, failed)
		}
		// A client that takes the new one is on it from then on.
		if w.refreshed(next).Refresh == next.Refresh {
			t.Error("the new token does not turn")
		}
		time.Sleep(w.cfg.RefreshGrace)
		if code := w.refreshCode(old); code != "unauthorized" {
			t.Errorf("the old token, after the new one was used: %q", code)
		}
	})
}

// TestBanEndsSessions bans somebody and ends the ban, also when the first replica crashes in
// between: no log-in from before goes on.
func TestBanEndsSessions(t *testing.T) {
	for _, crash := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			cfg := config()
			w := idle(t, cfg)
			op, eve := w.operator("Op"), w.register("Eve")
			if crash {
				w.store.failAt("PutBan after", errors.New("crash"))
			}
			if code := w.code(op, "PUT", "/v1/bans/"+eve.User.ID, `{}`); (code != "") != crash {
				t.Fatalf("the ban: %q", code)
			}
			w.store.set(nil)
			if crash {
				w.age()
				if err := w.changes.tellUntold(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if live := w.live(eve); len(live) > 0 {
				t.Errorf("while banned there are %+v", live)
			}
			if code := w.refreshCode(eve); code != "forbidden" {
				t.Errorf("a refresh of who is banned: %q", code)
			}
			w.ok("DELETE", "/v1/bans/"+eve.User.ID, op.Token, "", nil)
			if code := w.refreshCode(eve); code != "unauthorized" {
				t.Errorf("a refresh token from before the ban: %q", code)
			}
			if code := w.code(eve, "GET", "/v1/me", ""); code != "unauthorized" {
				t.Errorf("a token from before the ban: %q", code)
			}
			w.ok("POST", "/v1/login", "", `{"name":"Eve","password":"correct horse"}`, nil)
		})
	}
}

func TestUserAgentsAreCut(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64)": "Mozilla/5.0 (X11; Linux x86_64)", "a\u202eb\n\x00c<script>": "abc<script>",
		strings.Repeat("x", 1000): strings.Repeat("x", maxAgent), "": "",
	} {
		if got := cutAgent(agent); got != want {
			t.Errorf("%q is kept as %q", agent, got)
		}
	}
	w := idle(t, config())
	var ann credentials
	w.call("POST", "/v1/register", "", `{"name":"Ann","password":"correct horse"}`, &ann, "User-Agent", "test/1", "remote", "203.0.113.7:9")
	if live := w.live(ann); len(live) != 1 || live[0].Device != "test/1" || live[0].Address != "203.0.113.7" {
		t.Errorf("the session is %+v", live)
	}
	if _, code := w.call("POST", "/v1/refresh", "", refreshBody(ann), &ann, "User-Agent", "test/2", "remote", "203.0.113.8:9"); code != "" {
		t.Fatal(code)
	}
	if live := w.live(ann); len(live) != 1 || live[0].Device != "test/2" || live[0].Address != "203.0.113.8" {
		t.Errorf("the session is %+v", fmt.Sprint(live))
	}
}
