package directory

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/chat"
)

// tab is a browser with a page of this server.
type tab struct {
	w            *world
	path, origin string
	cookies      map[string]*http.Cookie
}

// ask posts as the page does, and keeps the cookies.
func (p *tab) ask(path, body string, header ...string) (c credentials, code string) {
	p.w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://chat.example"+path, strings.NewReader(body))
	r.RemoteAddr = "198.51.100.7:1234"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", p.origin)
	r.Header.Set(cookieHeader, p.path)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for _, c := range p.cookies {
		if strings.HasPrefix(strings.TrimSuffix(p.path, "/")+path, c.Path) {
			r.AddCookie(c)
		}
	}
	rec := httptest.NewRecorder()
	p.w.Handler().ServeHTTP(rec, r)
	var answer struct {
		credentials
		Code string
	}
	if err := json.NewDecoder(rec.Body).Decode(&answer); err != nil {
		p.w.t.Fatal(err)
	}
	for _, c := range rec.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(p.cookies, c.Name)
		} else {
			p.cookies[c.Name] = c
		}
	}
	return answer.credentials, answer.Code
}

func (w *world) tab(path, origin string) *tab {
	return &tab{w: w, path: path, origin: origin, cookies: map[string]*http.Cookie{}}
}

// TestRefreshInCookie: pages keep their refresh tokens where no script reads them.
func TestRefreshInCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		for _, tt := range []struct {
			path, origin, proto string
			name, cookiePath    string
			secure              bool
		}{
			{"/", "http://chat.example:9080", "", "hubbub_refresh_9080", "/v1/refresh", false},
			{"/my.org/chat/", "https://chat.example", "https", "__Secure-hubbub_refresh", "/my.org/chat/v1/refresh", true},
			{"/chat/", "http://chat.example:9081", "https", "__Secure-hubbub_refresh_9081", "/chat/v1/refresh", true},
		} {
			p := w.tab(tt.path, tt.origin)
			same := []string{"Sec-Fetch-Site", "same-origin", "X-Forwarded-Proto", tt.proto}
			for _, way := range []string{"/v1/guest", "/v1/register", "/v1/login"} {
				name := "Ann" + tt.origin[len(tt.origin)-2:]
				c, code := p.ask(way, fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, strings.ReplaceAll(name, ":", "")), same...)
				kept := p.cookies[tt.name]
				life := w.cfg.SessionLife
				if code != "" || c.Refresh != "" || c.Token == "" || kept == nil || !kept.HttpOnly || kept.SameSite != http.SameSiteStrictMode ||
					kept.Secure != tt.secure || kept.Path != tt.cookiePath || kept.MaxAge != int(life/time.Second) {
					t.Fatalf("%s at %s: %q, a secret in the body %q, the cookie %+v", way, tt.path, code, c.Refresh, kept)
				}
			}
			first := p.cookies[tt.name].Value
			c, code := p.ask("/v1/refresh", `{}`, same...)
			if second := p.cookies[tt.name].Value; code != "" || c.Refresh != "" || second == first || second == "" {
				t.Errorf("a refresh: %q, %q in the body, the cookie %q after %q", code, c.Refresh, second, first)
			}
			// The log-out wants no access token, which may have expired.
			time.Sleep(w.cfg.TokenLife + time.Minute)
			if _, code := p.ask("/v1/refresh/end", `{}`, same...); code != "" || p.cookies[tt.name] != nil || len(w.live(c)) != 1 {
				t.Errorf("the log-out: %q, cookies %v, %d log-ins", code, p.cookies, len(w.live(c)))
			}
			if _, code := p.ask("/v1/refresh", `{}`, same...); code != chat.CodeUnauthorized {
				t.Errorf("a refresh without a cookie: %q", code)
			}
		}
	})
}

// TestRefreshOfOtherSites: pages of other sites use a browser's cookie, in all the ways in which
// it might come.
func TestRefreshOfOtherSites(t *testing.T) {
	w := openWorld(t, config())
	p := w.tab("/", "http://chat.example")
	ann, _ := p.ask("/v1/register", `{"name":"Ann","password":"correct horse"}`)
	before := p.cookies["hubbub_refresh"].Value
	for _, path := range []string{"/v1/refresh", "/v1/refresh/end"} {
		for _, tt := range []struct {
			name, code string
			header     []string
		}{
			{"without the header", chat.CodeBadRequest, []string{cookieHeader, ""}},
			{"with a path that is none", chat.CodeBadRequest, []string{cookieHeader, "/;Domain=x/"}},
			{"of another site", chat.CodeForbidden, []string{"Sec-Fetch-Site", "cross-site"}},
			{"of a neighbour", chat.CodeForbidden, []string{"Sec-Fetch-Site", "same-site"}},
			{"of another site, from an old browser", chat.CodeForbidden, []string{"Origin", "http://evil.example"}},
			{"of a file", chat.CodeForbidden, []string{"Origin", "null"}},
			{"of a form", chat.CodeBadRequest, []string{"Content-Type", "text/plain"}},
		} {
			if _, code := p.ask(path, `{}`, tt.header...); code != tt.code {
				t.Errorf("%s %s: %q, want %q", path, tt.name, code, tt.code)
			}
		}
	}
	if p.cookies["hubbub_refresh"].Value != before || len(w.live(ann)) != 1 {
		t.Fatalf("the cookie is %+v, with %d log-ins", p.cookies, len(w.live(ann)))
	}
	if _, code := p.ask("/v1/refresh", `{}`); code != "" {
		t.Errorf("the page itself: %q", code)
	}
	// A log-in from another site has its secret in the body as any other client, and leaves no
	// cookie.
	other := w.tab("/", "http://evil.example")
	if c, code := other.ask("/v1/login", `{"name":"Ann","password":"correct horse"}`); code != "" || c.Refresh == "" || len(other.cookies) != 1 {
		t.Errorf("a log-in from elsewhere: %q, %q, %v", code, c.Refresh, other.cookies)
	}
}

// TestRefreshMovesToCookie has the page of the release before, which kept the secret itself, become
// that of this one.
func TestRefreshMovesToCookie(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	p := w.tab("/", "http://chat.example")
	moved, code := p.ask("/v1/refresh", refreshBody(ann))
	if code != "" || moved.Refresh != "" || p.cookies["hubbub_refresh"] == nil {
		t.Fatalf("the move: %q, %q, %v", code, moved.Refresh, p.cookies)
	}
	if _, code := p.ask("/v1/refresh", `{}`); code != "" || len(w.live(ann)) != 1 {
		t.Errorf("the next: %q, %d log-ins", code, len(w.live(ann)))
	}
	// Another tab still has the page of before: that it has no secret does not log it out.
	if _, code := w.call("POST", "/v1/refresh", "", `{}`, nil); code != chat.CodeBadRequest {
		t.Errorf("no secret at all: %q", code)
	}
}

// TestLogoutBy ends log-ins by refresh tokens: the present one, one that was used, and one that was
// made up.
func TestLogoutBy(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	made := ann
	made.Refresh = w.claims(ann).Session + "." + newSecret().String()
	for _, tt := range []struct {
		name string
		c    credentials
		code string
	}{{"made up", made, chat.CodeUnauthorized}, {"no token", credentials{Refresh: "x"}, chat.CodeUnauthorized}, {"Ann's", ann, ""}, {"again", ann, ""}} {
		if _, code := w.call("POST", "/v1/refresh/end", "", refreshBody(tt.c), nil); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
	}
	if len(w.live(ann)) != 0 || len(w.live(bob)) != 1 {
		t.Errorf("Ann has %d log-ins, Bob %d", len(w.live(ann)), len(w.live(bob)))
	}
	w.refreshed(bob)
	if _, code := w.call("POST", "/v1/refresh/end", "", refreshBody(bob), nil); code != "" || len(w.live(bob)) != 0 {
		t.Errorf("by one that was used: %q, %d log-ins", code, len(w.live(bob)))
	}
}
