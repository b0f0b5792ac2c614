package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

func TestAccounts(t *testing.T) {
	w := openRealWorld(t, config())
	ann := w.register("Ann")
	if ann.User.Name != "Ann" || ann.User.Guest || ann.Refresh == "" {
		t.Errorf("registered as %+v", ann)
	}
	if claims := w.claims(ann); claims.User != ann.User.ID || claims.Name != "Ann" {
		t.Errorf("the token says %+v", claims)
	}
	// The key set on the bus and that at the well-known route verify it, too.
	var set json.RawMessage
	w.ok("GET", "/.well-known/jwks.json", "", "", &set)
	for _, fetch := range []func(context.Context) ([]byte, error){
		directoryapi.NewClient(w.bus).Keys, func(context.Context) ([]byte, error) { return set, nil },
	} {
		if _, err := auth.NewVerifier(fetch).Verify(t.Context(), ann.Token); err != nil {
			t.Error(err)
		}
	}
	var again, me, guest, next struct {
		credentials
		account
	}
	w.ok("POST", "/v1/login", "", `{"name":"aNN","password":"correct horse"}`, &again)
	w.ok("GET", "/v1/me", again.Token, "", &me)
	if me.account != ann.User {
		t.Errorf("me is %+v, want %+v", me.account, ann.User)
	}
	w.ok("POST", "/v1/guest", "", `{"name":"Ann"}`, &guest)
	if guest.User.Name != "Ann (guest)" || !guest.User.Guest || guest.User.ID == ann.User.ID {
		t.Errorf("a guest is %+v", guest.User)
	}
	w.ok("POST", "/v1/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, ann.Refresh), &next)
	if next.User != ann.User || next.Refresh == ann.Refresh {
		t.Errorf("refreshed to %+v", next.credentials)
	}
	var found struct{ Users []account }
	w.ok("GET", "/v1/users?q=AN", ann.Token, "", &found)
	if len(found.Users) != 1 || found.Users[0] != ann.User {
		t.Errorf("found %+v", found)
	}
	for _, q := range []string{"", "zed", "guest", ":", "%00", "%ff"} {
		w.ok("GET", "/v1/users?q="+q, ann.Token, "", &found)
		if len(found.Users) != 0 {
			t.Errorf("found %+v by %q", found, q)
		}
	}

	for _, tt := range []struct{ name, path, body, code string }{
		{"taken", "/v1/register", `{"name":"ANN","password":"correct horse"}`, "conflict"},
		{"short password", "/v1/register", `{"name":"Bob","password":"short"}`, "bad_request"},
		{"long password", "/v1/register", `{"name":"Bob","password":"` + strings.Repeat("x", 300) + `"}`, "bad_request"},
		{"common password", "/v1/register", `{"name":"Bob","password":"iloveyou1"}`, "bad_request"},
		{"name as password", "/v1/register", `{"name":"Bobby","password":"bobby123"}`, "bad_request"},
		{"no name", "/v1/register", `{"name":"","password":"correct horse"}`, "bad_request"},
		{"name of a guest", "/v1/register", `{"name":"Ann (guest)","password":"correct horse"}`, "bad_request"},
		{"name with a line", "/v1/register", `{"name":"A\nB","password":"correct horse"}`, "bad_request"},
		{"long name", "/v1/guest", `{"name":"` + strings.Repeat("x", 33) + `"}`, "bad_request"},
		{"not JSON", "/v1/login", `{`, "bad_request"},
		{"no field", "/v1/login", `{}`, "bad_request"},
		{"wrong password", "/v1/login", `{"name":"Ann","password":"wrong horse"}`, "unauthorized"},
		{"guest has none", "/v1/login", `{"name":"Ann (guest)","password":""}`, "unauthorized"},
		{"control character", "/v1/register", `{"name":"A\u0000","password":"correct horse"}`, "bad_request"},
		{"nobody", "/v1/login", `{"name":"Zed","password":"correct horse"}`, "unauthorized"},
		{"no refresh token", "/v1/refresh", `{"refresh_token":"x.y"}`, "unauthorized"},
		{"another's secret", "/v1/refresh", fmt.Sprintf(`{"refresh_token":%q}`, strings.Split(ann.Refresh, ".")[0]+"."+strings.Split(guest.Refresh, ".")[1]), "unauthorized"},
	} {
		if _, code := w.call("POST", tt.path, "", tt.body, nil); code != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.name, code, tt.code)
		}
	}
	if _, code := w.call("GET", "/v1/me", "", "", nil); code != "unauthorized" {
		t.Errorf("me without a token: %q", code)
	}
}

func TestClosedDoors(t *testing.T) {
	cfg := config()
	cfg.Guests, cfg.Registration = false, false
	w := openWorld(t, cfg)
	for path, body := range map[string]string{"/v1/guest": `{"name":"Ann"}`, "/v1/register": `{"name":"Ann","password":"correct horse"}`} {
		if _, code := w.call("POST", path, "", body, nil); code != "forbidden" {
			t.Errorf("%s: %q", path, code)
		}
	}
}

// TestGuessing: wrong passwords come from here and there: whoever guesses is slowed, and nobody
// else.
func TestGuessing(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	w.register("Ann")
	login := func(name, password, ip string) string {
		t.Helper()
		_, code := w.call("POST", "/v1/login", "", fmt.Sprintf(`{"name":%q,"password":%q}`, name, password), nil, "remote", ip+":1")
		return code
	}
	for i := range cfg.LoginAttempts {
		if code := login("Ann", "wrong horse", "203.0.113.1"); code != "unauthorized" {
			t.Fatalf("guess %d: %q", i, code)
		}
	}
	if code := login("aNN", "correct horse", "203.0.113.1"); code != "rate_limited" {
		t.Errorf("another guess from there: %q", code)
	}
	if code := login("Ann", "correct horse", "203.0.113.2"); code != "" {
		t.Errorf("Ann from elsewhere: %q", code)
	}
	// An office: many names behind one address, each with as many mistakes as a person makes.
	for i := range 10 * cfg.LoginAttempts {
		if code := login(fmt.Sprintf("colleague%d", i/2), "mistyped horse", "203.0.113.3"); code != "unauthorized" {
			t.Fatalf("colleague %d: %q", i/2, code)
		}
	}
	if code := login("Ann", "correct horse", "203.0.113.3"); code != "" {
		t.Errorf("Ann from the office: %q", code)
	}
	// A network of many names is slowed in the end, and so is a name that is guessed at from
	// everywhere.
	tried := 0
	for tried = range 100 * cfg.LoginAttempts {
		if login(fmt.Sprintf("name%d", tried), "wrong horse", "203.0.113.4") == "rate_limited" {
			break
		}
	}
	if tried != addressFactor*cfg.LoginAttempts {
		t.Errorf("%d names were tried from one address", tried)
	}
	for tried = range 100 * cfg.LoginAttempts {
		if login("bob", "wrong horse", fmt.Sprintf("198.51.%d.%d", tried/250, tried%250)) == "rate_limited" {
			break
		}
	}
	if tried != nameFactor*cfg.LoginAttempts {
		t.Errorf("one name was tried from %d addresses", tried)
	}
	now := time.Now()
	if e, ok := errors.AsType[*chat.Error](w.passwords.guessing.full(now, stranger("ann", "203.0.113.1"))); !ok || e.RetryAfter <= 0 || e.RetryAfter > time.Minute {
		t.Errorf("the wait is %+v", e)
	}
	if err := w.passwords.guessing.full(now.Add(time.Minute), stranger("bob", "203.0.113.4")); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

// TestClientAddress makes one account too many for an address, with headers that count and headers
// that do not.
func TestClientAddress(t *testing.T) {
	cfg := config()
	cfg.AccountRate = 1
	w := openWorld(t, cfg)
	for _, tt := range []struct {
		name    string
		headers []string
		code    string
	}{
		{"a client", []string{"remote", "198.51.100.7:1"}, ""},
		{"again", []string{"remote", "198.51.100.7:2"}, "rate_limited"},
		{"again, with headers of its own", []string{"remote", "198.51.100.7:3", "X-Forwarded-For", "203.0.113.1", "X-Real-IP", "203.0.113.1"}, "rate_limited"},
		{"behind a proxy", []string{"remote", "192.0.2.9:1", "X-Forwarded-For", "203.0.113.1"}, ""},
		{"behind two, having written the first", []string{"remote", "192.0.2.9:1", "X-Forwarded-For", "203.0.113.9, 203.0.113.1", "X-Forwarded-For", "192.0.2.10"}, "rate_limited"},
		{"behind a proxy with the other header", []string{"remote", "192.0.2.9:1", "X-Real-IP", "203.0.113.2"}, ""},
		{"a network", []string{"remote", "[2001:db8::1:2:3:4]:1"}, ""},
		{"another address of it", []string{"remote", "[2001:db8::4:3:2:1]:1"}, "rate_limited"},
	} {
		if _, code := w.call("POST", "/v1/guest", "", `{"name":"Ann"}`, nil, tt.headers...); code != tt.code {
			t.Errorf("%s: %q", tt.name, code)
		}
	}
	if c := config(); len(c.TrustedProxies) == 0 {
		t.Error("this test needs a trusted proxy")
	}
}

// TestManyGuessesAtOnce has more guesses under way than are allowed: no more than that are
// compared.
func TestManyGuessesAtOnce(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	w.register("Ann")
	var compared atomic.Int64
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			switch _, code := w.call("POST", "/v1/login", "", `{"name":"Ann","password":"wrong horse"}`, nil); code {
			case "unauthorized":
				compared.Add(1)
			case "rate_limited":
			default:
				t.Errorf("a guess is answered %q", code)
			}
		})
	}
	wait.Wait()
	if n := int(compared.Load()); n != cfg.LoginAttempts {
		t.Errorf("%d guesses were compared", n)
	}
}

func TestAccountsAreLimitedByAddress(t *testing.T) {
	cfg := config()
	cfg.AccountRate = 2
	w := openWorld(t, cfg)
	w.comeIn("Ann")
	w.register("Bob")
	for path, body := range map[string]string{"/v1/guest": `{"name":"Eve"}`, "/v1/register": `{"name":"Eve","password":"correct horse"}`} {
		if _, code := w.call("POST", path, "", body, nil); code != "rate_limited" {
			t.Errorf("%s: %q", path, code)
		}
		if status, code := w.call("POST", path, "", body, nil, "remote", "203.0.113.9:1"); status != 200 {
			t.Errorf("%s from elsewhere: %d %q", path, status, code)
		}
	}
	// Who has an account gets in all the same.
	if status, code := w.call("POST", "/v1/login", "", `{"name":"Bob","password":"correct horse"}`, nil); status != 200 {
		t.Errorf("login: %d %q", status, code)
	}
}
