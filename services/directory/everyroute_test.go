package directory

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestEveryRoute: each route refuses who is nobody, and what makes no sense.
func TestEveryRoute(t *testing.T) {
	w := openWorld(t, config())
	var described struct {
		Paths map[string]map[string]struct {
			Security    []map[string][]string
			RequestBody *struct{}
		}
	}
	w.ok("GET", "/v1/directory/openapi.json", "", "", &described)
	ann := w.register("Ann")
	var open []string
	guarded := 0
	for path, methods := range described.Paths {
		path = strings.NewReplacer("{room}", "lobby", "{user}", "u1").Replace(path)
		for method, op := range methods {
			method = strings.ToUpper(method)
			if len(op.Security) == 0 {
				open = append(open, path)
			} else {
				guarded++
				for _, token := range []string{"", "garbage", ann.Token + "x"} {
					if status, code := w.call(method, path, token, `{}`, nil); status != http.StatusUnauthorized || code != "unauthorized" {
						t.Errorf("%s %s with the token %.10q: %d %s", method, path, token, status, code)
					}
				}
			}
			if op.RequestBody == nil {
				continue
			}
			for _, body := range []string{"", "{", "[]", `"x"`, `{"name":1,"user":1,"refresh_token":1,"reason":1,"kind":1,"registration":1,"messages":1,"keep":1}`, `{"name":"` + strings.Repeat("x", 1<<20) + `"}`} {
				status, code := w.call(method, path, ann.Token, body, nil)
				if status < 400 || status > 499 || code != "bad_request" && code != "too_large" {
					t.Errorf("%s %s with %.20q: %d %s", method, path, body, status, code)
				}
			}
		}
	}
	slices.Sort(open)
	if want := []string{"/v1/digests/stop", "/v1/emoji/images/{sha256}", "/v1/forgot", "/v1/guest", "/v1/login", "/v1/mail/confirm", "/v1/refresh", "/v1/refresh/end", "/v1/register", "/v1/reset", "/v1/server", "/v1/setup"}; !slices.Equal(open, want) || guarded < 21 {
		t.Errorf("open routes are %q, want %q; %d others are described", open, want, guarded)
	}
	for _, path := range []string{"/v1/none", "/v1/rooms/lobby/none", "/"} {
		if status, code := w.call("GET", path, ann.Token, "", nil); status != http.StatusNotFound || code != "not_found" {
			t.Errorf("%s: %d %s", path, status, code)
		}
	}
	for _, body := range []string{`{"name":""}`, `{"name":"a\u0007b"}`, `{"name":"\u3164"}`, `{"name":"lob\u115fby"}`, `{"name":"x","topic":"\u202etea"}`, `{"name":"` + strings.Repeat("x", 65) + `"}`, `{"name":"x","topic":"a\nb"}`} {
		if c := w.code(ann, "POST", "/v1/rooms", body); c != "bad_request" {
			t.Errorf("a room made of %.30s: %q", body, c)
		}
	}
}
