package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPagesOfOtherSites: pages of the origins that are named, and no others, may read answers, also
// after they have asked; the server's own pages need not be named.
func TestPagesOfOtherSites(t *testing.T) {
	named := []string{"https://WWW.example.org/", "http://intra:80", "https://shop.example:8443"}
	for _, tt := range []struct {
		origins []string
		origin  string
		allow   string // the header of the answer
	}{
		{nil, "https://www.example.org", ""},
		{named, "https://www.example.org", "https://www.example.org"},
		{named, "http://intra", "http://intra"},
		{named, "https://shop.example:8443", "https://shop.example:8443"},
		{named, "https://shop.example", ""},
		{named, "http://www.example.org", ""},
		{named, "https://www.example.org.evil.example", ""},
		{named, "null", ""},
		{named, "", ""},
		{[]string{"*"}, "https://any.example", "*"},
		{[]string{"*"}, "null", "*"},
		{[]string{"*"}, "", ""},
	} {
		cross := Cross{Origins: tt.origins}
		if err := cross.Validate(); err != nil {
			t.Fatal(err)
		}
		served := 0
		h := cross.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
		ask := func(method string, header ...string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, "https://chat.example/v1/rooms", http.NoBody)
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		w := ask(http.MethodGet)
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != tt.allow || served != 1 {
			t.Errorf("%q to %q: allowed %q, want %q; served %d times", tt.origin, tt.origins, got, tt.allow, served)
		}
		if w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%q: cookies are let through", tt.origin)
		}
		if varies := w.Header().Get("Vary") == "Origin"; varies != (len(tt.origins) > 1) {
			t.Errorf("%q to %q: Vary is %q", tt.origin, tt.origins, w.Header().Get("Vary"))
		}
		w = ask(http.MethodOptions, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization")
		switch {
		case tt.origin == "":
			if served != 2 {
				t.Errorf("OPTIONS of no page is answered %d", w.Code)
			}
		case tt.allow == "":
			if w.Code != http.StatusForbidden || w.Header().Get("Access-Control-Allow-Methods") != "" || served != 1 {
				t.Errorf("%q may ask: %d %v", tt.origin, w.Code, w.Header())
			}
		default:
			header := w.Header()
			if w.Code != http.StatusNoContent || header.Get("Access-Control-Allow-Origin") != tt.allow || served != 1 ||
				!strings.Contains(header.Get("Access-Control-Allow-Methods"), "PUT") || !strings.Contains(header.Get("Access-Control-Allow-Headers"), "Authorization") {
				t.Errorf("%q asks in vain: %d %v", tt.origin, w.Code, header)
			}
			// The cookie of the server's own page is not for others.
			if strings.Contains(strings.ToLower(header.Get("Access-Control-Allow-Headers")), "cookie") {
				t.Errorf("%q may send %s", tt.origin, header.Get("Access-Control-Allow-Headers"))
			}
		}
	}
	for _, bad := range []string{"www.example.org", "https://", "https://a.example/chat", "https://u@a.example", "https://a.example?x", "https://bücher.example", ""} {
		if err := (&Cross{Origins: []string{bad}}).Validate(); err == nil || !strings.Contains(err.Error(), "--origins") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
