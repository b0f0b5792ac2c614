package directory

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// enterAs logs in by hand, to see the cookies.
func (w *world) enterAs(name, password, remote, device, cookie, scheme string) (c credentials, code string, set []*http.Cookie) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/login", strings.NewReader(fmt.Sprintf(`{"name":%q,"password":%q,"device_token":%q}`, name, password, device)))
	r.RemoteAddr = remote
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-Proto", scheme)
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: deviceCookieName, Value: cookie})
	}
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
	var answer struct {
		credentials
		Code string
	}
	if err := json.NewDecoder(rec.Body).Decode(&answer); err != nil {
		w.t.Fatal(err)
	}
	return answer.credentials, answer.Code, rec.Result().Cookies()
}

// TestKnownDevices has strangers guess at Ann's password until nobody may any more, from anywhere
// and from her own address: her devices get in, and nobody else's.
func TestKnownDevices(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	w.register("Ann")
	w.register("Eve")
	const home = "203.0.113.1:1"
	ann, _, cookies := w.enterAs("Ann", "correct horse", home, "", "", "https")
	eve, _, _ := w.enterAs("Eve", "correct horse", home, "", "", "http")
	if len(cookies) != 1 || !cookies[0].HttpOnly || !cookies[0].Secure || cookies[0].SameSite != http.SameSiteStrictMode || cookies[0].Path != "" ||
		cookies[0].Value != ann.Device || ann.Device == "" {
		t.Fatalf("the cookies are %+v, the secret %q", cookies, ann.Device)
	}
	for i := range cfg.LoginAttempts * addressFactor * 2 {
		w.enterAs("Ann", "wrong horse", fmt.Sprintf("198.51.100.%d:1", i%250), "", "", "")
		w.enterAs(fmt.Sprint("x", i), "wrong horse", home, "", "", "")
	}
	made := ann.User.ID + "." + strings.Split(eve.Device, ".")[1]
	for _, tt := range []struct{ name, password, remote, device, cookie, code string }{
		{"nothing", "correct horse", home, "", "", "rate_limited"},
		{"nothing, from elsewhere", "correct horse", "192.0.2.99:1", "", "", "rate_limited"},
		{"Eve's device", "correct horse", home, eve.Device, "", "rate_limited"},
		{"a device made up", "correct horse", home, made, made, "rate_limited"},
		{"garbage", "correct horse", home, "x.y", "~~x~.~" + strings.Repeat("~", 999), "rate_limited"},
		{"Ann's device", "correct horse", home, ann.Device, "", ""},
		{"Ann's browser", "correct horse", "192.0.2.99:1", "", eve.Device + "~" + ann.Device, ""},
		{"Ann's device, mistyped", "wrong horse", home, ann.Device, "", "unauthorized"},
	} {
		if _, code, _ := w.enterAs("Ann", tt.password, tt.remote, tt.device, tt.cookie, ""); code != tt.code {
			t.Errorf("with %s: %q, want %q", tt.name, code, tt.code)
		}
	}
	// It stays the same device, beside those of others who use the browser.
	again, _, cookies := w.enterAs("Ann", "correct horse", home, "", eve.Device+"~"+ann.Device, "http")
	if again.Device != ann.Device || cookies[0].Value != ann.Device+"~"+eve.Device || cookies[0].Secure {
		t.Errorf("then it is %q, the cookies %+v", again.Device, cookies)
	}
	// A device that was stolen tries no more passwords than another.
	for i := range cfg.LoginAttempts {
		if _, code, _ := w.enterAs("Ann", "wrong horse", fmt.Sprintf("198.51.101.%d:1", i), ann.Device, "", ""); i == cfg.LoginAttempts-1 && code != "rate_limited" {
			t.Errorf("guesses with a device: %q", code)
		}
	}
	// With a new password no device is known any more.
	w.ok("POST", "/v1/password", again.Token, `{"current":"correct horse","password":"battery staple"}`, nil)
	if _, code, _ := w.enterAs("Ann", "battery staple", "192.0.2.99:1", ann.Device, "", ""); code != "rate_limited" {
		t.Errorf("a device from before: %q", code)
	}
}
