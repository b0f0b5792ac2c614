package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

// timed says whether ends of log-ins are known, and notes for how long it was asked.
type timed struct {
	err  error
	left time.Duration
}

func (e *timed) Known(ctx context.Context) error {
	if at, ok := ctx.Deadline(); ok {
		e.left = time.Until(at)
	}
	return e.err
}
func (e *timed) Revoked(c auth.Claims) bool { return c.Session == "ended" }

// TestEndedInTime: a log-in that has ended is refused, and so is every one for as long as that is
// not known, which nobody waits for without an end.
func TestEndedInTime(t *testing.T) {
	e := &timed{}
	refuse := Ended(e)
	for session, want := range map[string]string{"s": "", "ended": chat.CodeUnauthorized} {
		if err := refuse(t.Context(), auth.Claims{Session: session}); chat.CodeOf(err) != want {
			t.Errorf("%s: %v", session, err)
		}
	}
	if e.left <= 0 || e.left > knownWithin {
		t.Errorf("it may take %s", e.left)
	}
	e.err = chat.Unavailable("not known yet", time.Second)
	if err := refuse(t.Context(), auth.Claims{Session: "s"}); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("while it is not known: %v", err)
	}
}

// TestBodies: a body is JSON and says so, also if it does not say how long it is; of one that did
// not come in time the connection ends.
func TestBodies(t *testing.T) {
	served := 0
	h := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served++; r.URL.Path == "/late" {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	}), zap.NewNop(), 0, nil)
	for _, tt := range []struct {
		path, media string
		length      int64
		status      int
		close       bool
	}{
		{"/", "", 0, 200, false}, {"/", "application/json; charset=utf-8", 2, 200, false}, {"/", "application/json", -1, 200, false},
		{"/", "", -1, 415, false}, {"/", "text/plain", 2, 415, false}, {"/", "application/json;;", 2, 415, false}, {"/late", "", 0, 408, true},
	} {
		r := httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader("{}"))
		r.ContentLength = tt.length
		r.Header.Set("Content-Type", tt.media)
		w := httptest.NewRecorder()
		before := served
		h.ServeHTTP(w, r)
		if w.Code != tt.status || (served > before) != (tt.status != 415) || (w.Header().Get("Connection") == "close") != tt.close {
			t.Errorf("%+v: %d, headers %v", tt, w.Code, w.Header())
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%+v: headers %v", tt, w.Header())
		}
	}
}

// TestRequestIDs: a client's id is taken if it is one, else there is a new one.
func TestRequestIDs(t *testing.T) {
	h := Handler(http.NotFoundHandler(), zap.NewNop(), 0, nil)
	long := strings.Repeat("a", maxRequestID)
	for id, taken := range map[string]bool{"azAZ09-_.": true, long: true, long + "a": false, "": false, "a b": false, "a/b": false, "a:b": false, "a[": false, "a{": false, "a@": false, "a`": false} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(RequestIDHeader, id)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get(RequestIDHeader); (got == id) != taken || got == "" {
			t.Errorf("%q: %q", id, got)
		}
	}
}
