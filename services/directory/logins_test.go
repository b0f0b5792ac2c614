package directory

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
)

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// logIn logs Ann in.
func (w *world) logIn(header ...string) (c credentials) {
	w.t.Helper()
	if _, code := w.call("POST", "/v1/login", "", `{"name":"Ann","password":"correct horse"}`, &c, header...); code != "" {
		w.t.Fatalf("a log-in is answered %s", code)
	}
	return c
}

func (w *world) sessions(c credentials) []sessionView {
	w.t.Helper()
	var out sessionsOutput
	w.ok("GET", "/v1/sessions", c.Token, "", &out)
	return out.Sessions
}

func ids(views []sessionView) (all []string) {
	for _, v := range views {
		all = append(all, v.ID)
	}
	return all
}

// TestSessionsAreListedAndEnded: users see their log-ins, and end them one by one or all others at
// once, of nobody else.
func TestSessionsAreListedAndEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		laptop, bob := w.register("Ann"), w.register("Bob")
		time.Sleep(time.Second)
		phone := w.logIn("User-Agent", firefox, "remote", "203.0.113.7:9")
		time.Sleep(time.Second)
		tablet := w.logIn()
		time.Sleep(time.Second)
		laptop = w.refreshed(laptop)
		of := func(c credentials) string { return w.claims(c).Session }
		seen := w.sessions(phone)
		if want := []string{of(laptop), of(tablet), of(phone)}; !slices.Equal(ids(seen), want) {
			t.Fatalf("the log-ins are %+v, want %v", seen, want)
		}
		start := time.Now().Add(-3 * time.Second).UnixMilli()
		want := sessionView{
			ID: of(phone), Current: true, Device: "Firefox on Linux", Agent: firefox, Address: "203.0.113.7", Created: start + 1000, Used: start + 1000,
		}
		if seen[2] != want || seen[0].Current || seen[0].Created != start || seen[0].Used != start+3000 {
			t.Errorf("the log-ins are %+v", seen)
		}
		var told []directoryapi.Change
		w.cache(func(c directoryapi.Change) { told = append(told, c) })
		for _, tt := range []struct {
			name string
			who  credentials
			id   string
			code string
		}{
			{"another's", bob, of(phone), "not_found"}, {"none", phone, "none", "not_found"}, {"the tablet", phone, of(tablet), ""},
			{"the tablet again", phone, of(tablet), "not_found"}, {"by the tablet", tablet, of(phone), "unauthorized"},
		} {
			if code := w.code(tt.who, "DELETE", "/v1/sessions/"+tt.id, ""); code != tt.code {
				t.Errorf("%s is ended: %q, want %q", tt.name, code, tt.code)
			}
		}
		synctest.Wait()
		if len(told) != 1 || told[0].Session != of(tablet) || w.refreshCode(tablet) != "unauthorized" {
			t.Errorf("told %+v", told)
		}
		w.logIn()
		var out endedOutput
		w.ok("DELETE", "/v1/sessions", phone.Token, "", &out)
		if left := ids(w.sessions(phone)); out.Ended != 2 || !slices.Equal(left, []string{of(phone)}) {
			t.Errorf("%d were ended, and left are %v", out.Ended, left)
		}
		if code := w.code(laptop, "GET", "/v1/me", ""); code != "unauthorized" {
			t.Errorf("one of the others: %q", code)
		}
		w.ok("GET", "/v1/me", bob.Token, "", nil)
	})
}

// TestSessionsAreFew logs in more often than an account may be in use: the log-in that was not used
// for longest ends.
func TestSessionsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.UserSessions = 3
		w := openWorld(t, cfg)
		first := w.register("Ann")
		time.Sleep(time.Second)
		second := w.logIn()
		time.Sleep(time.Second)
		third := w.logIn()
		time.Sleep(time.Second)
		first = w.refreshed(first)
		time.Sleep(time.Second)
		w.logIn()
		if code := w.refreshCode(second); code != "unauthorized" {
			t.Errorf("the log-in that was not used for longest: %q", code)
		}
		w.refreshed(third)
		first = w.refreshed(first)
		if n := len(w.live(first)); n != 3 {
			t.Errorf("%d log-ins", n)
		}
	})
}

// TestManyLogInsAtOnce sends the right password many times at once: no more log-ins come of it
// than are allowed, and each hash that is made is one that counts.
func TestManyLogInsAtOnce(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	ann := w.register("Ann")
	got := make(chan string, 64)
	var wait sync.WaitGroup
	for range cap(got) {
		wait.Go(func() {
			_, code := w.call("POST", "/v1/login", "", `{"name":"Ann","password":"correct horse"}`, nil)
			got <- code
		})
	}
	wait.Wait()
	close(got)
	counts := map[string]int{}
	for code := range got {
		counts[code]++
	}
	limit := cfg.LoginAttempts * successFactor
	if n := counts[""]; n < limit || n >= limit+cfg.HashParallel || n+counts["rate_limited"] != 64 {
		t.Errorf("answered %v", counts)
	}
	if n := len(w.live(ann)); n > cfg.UserSessions {
		t.Errorf("%d log-ins", n)
	}
}

func TestDeviceNames(t *testing.T) {
	for agent, want := range map[string]string{
		firefox: "Firefox on Linux", "": "Unknown device", "curl/8.5.0": "curl", "Go-http-client/1.1": "Go-http-client",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "Safari on iOS",
	} {
		if got := deviceName(agent); got != want {
			t.Errorf("%q is called %q, want %q", agent, got, want)
		}
	}
}

// TestChangePassword changes passwords, by who may and by who may not.
func TestChangePassword(t *testing.T) {
	w := openWorld(t, config())
	ann, gus := w.register("Ann"), w.comeIn("Gus")
	phone := w.logIn()
	change := func(c credentials, current, next string, others bool) string {
		t.Helper()
		return w.code(c, "POST", "/v1/password", fmt.Sprintf(`{"current":%q,"password":%q,"end_others":%t}`, current, next, others))
	}
	for _, tt := range []struct {
		name          string
		who           credentials
		current, next string
		code          string
	}{
		{"a wrong one", ann, "wrong horse", "battery staple", "forbidden"},
		{"one that is too short", ann, "correct horse", "short", "bad_request"},
		{"a common one", ann, "correct horse", "iloveyou1", "bad_request"},
		{"a guest's", gus, "", "battery staple", "forbidden"},
		{"the right one", ann, "correct horse", "battery staple", ""},
		{"the one from before", ann, "correct horse", "another horse", "forbidden"},
	} {
		if code := change(tt.who, tt.current, tt.next, false); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
	}
	for password, want := range map[string]string{"correct horse": "unauthorized", "battery staple": ""} {
		if _, code := w.call("POST", "/v1/login", "", fmt.Sprintf(`{"name":"Ann","password":%q}`, password), nil); code != want {
			t.Errorf("a log-in with %q: %q", password, code)
		}
	}
	w.refreshed(phone) // nobody asked for its end
	if code := change(ann, "battery staple", "three blind mice", true); code != "" {
		t.Fatal(code)
	}
	if code := w.refreshCode(phone); code != "unauthorized" {
		t.Errorf("another log-in goes on: %q", code)
	}
	w.ok("GET", "/v1/me", ann.Token, "", nil)
	// A token does not let anybody try passwords for ever.
	for i := range w.cfg.LoginAttempts + 1 {
		code := change(ann, "wrong horse", "battery staple", false)
		if i == w.cfg.LoginAttempts && code != "rate_limited" {
			t.Errorf("attempt %d: %q", i, code)
		}
	}
}

// TestPasswordChangedWhileLoggingIn changes the password right after a log-in has found the old one
// right.
func TestPasswordChangedWhileLoggingIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		ann := w.register("Ann")
		w.during("Ban", func() { // which a log-in looks for when it has compared the passwords
			w.ok("POST", "/v1/password", ann.Token, `{"current":"correct horse","password":"battery staple","end_others":true}`, nil)
		})
		if _, code := w.call("POST", "/v1/login", "", `{"name":"Ann","password":"correct horse"}`, nil); code != "unauthorized" {
			t.Errorf("a log-in with the old password: %q", code)
		}
		if live := w.live(ann); len(live) != 1 {
			t.Errorf("log-ins are %+v", live)
		}
	})
}

// TestPasswordsChangedAtOnce changes one password twice at the same moment: one of them is told
// that the other was faster.
func TestPasswordsChangedAtOnce(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	u, err := w.store.User(t.Context(), ann.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, errPasswordRace} {
		if err := w.passwords.storeHash(t.Context(), u, fmt.Sprint("hash", i)); !errors.Is(err, want) {
			t.Errorf("change %d: %v", i, err)
		}
	}
}
