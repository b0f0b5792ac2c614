package httpapi

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type input struct {
	Body struct {
		Name string `json:"name" minLength:"2"`
	}
}

type output struct {
	Body struct {
		User string `json:"user"`
	}
}

func TestAPI(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var noKeys error
	verifier := func() *auth.Verifier {
		return auth.NewVerifier(func(context.Context) ([]byte, error) {
			if noKeys != nil {
				return nil, noKeys
			}
			return auth.EncodeKeys([]auth.PublicKey{{ID: "k", Key: public}})
		})
	}
	refusals := map[string]error{"ended": ErrEnded, "failed": errors.New("secret detail")}
	of := func(session string, expires time.Time) string {
		s, err := auth.Sign(private, "k", auth.Claims{User: "u1", Name: "Ann", Session: session, Issued: expires.Add(-time.Minute), Expires: expires})
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + s
	}
	token := func(expires time.Time) string { return of("s1", expires) }
	fails := map[string]error{
		"gone":     chat.E(chat.CodeNotFound, "no such thing"),
		"busy":     chat.Unavailable("come back", 1500*time.Millisecond),
		"broken":   errors.New("secret detail"),
		"panicked": nil,
	}
	var logged error
	serve := func() http.Handler {
		api, mux := New("test", "1")
		api.UseMiddleware(Authenticate(api, verifier(), func(_ context.Context, c auth.Claims) error {
			return refusals[c.Session]
		}))
		huma.Register(api, huma.Operation{Method: http.MethodPost, Path: "/v1/things", Security: Bearer}, func(ctx context.Context, in *input) (*output, error) {
			if err, ok := fails[in.Body.Name]; ok {
				if err == nil {
					panic("oops")
				}
				return nil, Error(err, func(err error) { logged = err })
			}
			out := &output{}
			out.Body.User = User(ctx).User
			return out, nil
		})
		huma.Register(api, huma.Operation{Method: http.MethodGet, Path: "/v1/open"}, func(context.Context, *struct{}) (*output, error) {
			return &output{}, nil
		})
		return Handler(mux, zap.NewNop(), 0, nil)
	}

	good := token(time.Now().Add(time.Minute))
	for _, tt := range []struct {
		name, method, path, auth, body string
		down                           error
		status                         int
		code                           string
		retry                          string
	}{
		{name: "good", auth: good, body: `{"name":"ok","newer":1}`, status: 200},
		{name: "open", method: "GET", path: "/v1/open", status: 200},
		{name: "description", method: "GET", path: "/v1/test/openapi.json", status: 200},
		{name: "no token", body: `{"name":"ok"}`, status: 401, code: "unauthorized"},
		{name: "a good token by another scheme", auth: "Basic " + good[len("Bearer "):], body: `{"name":"ok"}`, status: 401, code: "unauthorized"},
		{name: "a good token without a scheme", auth: good[len("Bearer "):], body: `{"name":"ok"}`, status: 401, code: "unauthorized"},
		{name: "the scheme in small letters", auth: "bearer  " + good[len("Bearer "):], body: `{"name":"ok"}`, status: 200},
		{name: "basic", auth: "Basic abc", body: `{"name":"ok"}`, status: 401, code: "unauthorized"},
		{name: "expired", auth: token(time.Now().Add(-time.Hour)), body: `{"name":"ok"}`, status: 401, code: "token_expired"},
		{name: "expired by a clock that is 61 s ahead", auth: token(time.Now().Add(-61 * time.Second)), body: `{"name":"ok"}`, status: 401, code: "token_expired"},
		{name: "expired by a clock that is 11 s ahead", auth: token(time.Now().Add(-11 * time.Second)), body: `{"name":"ok"}`, status: 200},
		{name: "ended", auth: of("ended", time.Now().Add(time.Minute)), body: `{"name":"ok"}`, status: 401, code: "unauthorized"},
		{name: "cannot tell", auth: of("failed", time.Now().Add(time.Minute)), body: `{"name":"ok"}`, status: 500, code: "internal"},
		{name: "no keys", auth: good, body: `{"name":"ok"}`, down: errors.New("down"), status: 503, code: "unavailable", retry: "1"},
		{name: "not JSON", auth: good, body: `{`, status: 400, code: "bad_request"},
		{name: "wrong type", auth: good, body: `{"name":["secret"]}`, status: 422, code: "bad_request"},
		{name: "too short", auth: good, body: `{"name":"o"}`, status: 422, code: "bad_request"},
		{name: "too large", auth: good, body: `{"name":"` + strings.Repeat("x", maxBody) + `"}`, status: 413, code: "too_large"},
		{name: "chat error", auth: good, body: `{"name":"gone"}`, status: 404, code: "not_found"},
		{name: "retry", auth: good, body: `{"name":"busy"}`, status: 503, code: "unavailable", retry: "2"},
		{name: "fault", auth: good, body: `{"name":"broken"}`, status: 500, code: "internal"},
		{name: "panic", auth: good, body: `{"name":"panicked"}`, status: 500, code: "internal"},
		{name: "no route", method: "GET", path: "/v1/none", status: 404, code: "not_found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			noKeys = tt.down
			method, path := tt.method, tt.path
			if method == "" {
				method, path = http.MethodPost, "/v1/things"
			}
			r := httptest.NewRequest(method, path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			if tt.auth != "" {
				r.Header.Set("Authorization", tt.auth)
			}
			w := httptest.NewRecorder()
			serve().ServeHTTP(w, r)
			body, err := io.ReadAll(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if w.Code != tt.status {
				t.Fatalf("status is %d, want %d: %s", w.Code, tt.status, body)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Retry-After") != tt.retry {
				t.Errorf("headers are %v", w.Header())
			}
			if strings.Contains(string(body), "secret") || strings.Contains(string(body), "$schema") {
				t.Errorf("the answer says too much: %s", body)
			}
			if tt.code == "" {
				if tt.auth != "" && string(body) != `{"user":"u1"}`+"\n" {
					t.Errorf("answered %s", body)
				}
				return
			}
			var p Problem
			if err := json.Unmarshal(body, &p); err != nil {
				t.Fatal(err)
			}
			if p.Code != tt.code || p.Status != tt.status || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("problem is %s as %s", body, w.Header().Get("Content-Type"))
			}
		})
	}
	if logged == nil || !strings.Contains(logged.Error(), "secret detail") {
		t.Errorf("logged %v", logged)
	}
}

// endings are those that become known when known is closed.
type endings struct {
	known chan struct{}
	ended string // a session
}

func (e endings) Known(ctx context.Context) error {
	select {
	case <-e.known:
		return nil
	case <-ctx.Done():
		return chat.Unavailable("not known yet", time.Second)
	}
}

func (e endings) Revoked(c auth.Claims) bool { return c.Session == e.ended }

func TestEnded(t *testing.T) {
	e := endings{make(chan struct{}), "s1"}
	refuse := Ended(e)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, session := range []string{"s1", "s2"} {
		if err := refuse(gone, auth.Claims{Session: session}); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("before it is known who has been shut out: %v", err)
		}
	}
	close(e.known)
	if err := refuse(t.Context(), auth.Claims{Session: "s1"}); !errors.Is(err, ErrEnded) {
		t.Errorf("of a log-in that has ended: %v", err)
	}
	if err := refuse(t.Context(), auth.Claims{Session: "s2"}); err != nil {
		t.Errorf("of another: %v", err)
	}
}

// TestUploads: a file may be of any type and larger than a body of JSON, below its path and by its
// method alone.
func TestUploads(t *testing.T) {
	h := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			WriteError(w, http.StatusInternalServerError, huma.NewError(http.StatusInternalServerError, "", err))
		}
	}), zap.NewNop(), 0, nil, Upload{Method: http.MethodPut, Below: "/v1/files/", Most: 2 * maxBody})
	for _, tt := range []struct {
		method, path, media string
		size, status        int
	}{
		{http.MethodPut, "/v1/files/a", "image/png", 2 * maxBody, http.StatusOK},
		{http.MethodPut, "/v1/files/a", "", 2 * maxBody, http.StatusOK},
		{http.MethodPut, "/v1/files/a", "image/png", 2*maxBody + 1, http.StatusRequestEntityTooLarge},
		{http.MethodPost, "/v1/files/a", "image/png", 1, http.StatusUnsupportedMediaType},
		{http.MethodPut, "/v1/other", "image/png", 1, http.StatusUnsupportedMediaType},
	} {
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(strings.Repeat("x", tt.size)))
		r.Header.Set("Content-Type", tt.media)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != tt.status {
			t.Errorf("%s %s, %d bytes of %q: %d", tt.method, tt.path, tt.size, tt.media, w.Code)
		}
	}
}
