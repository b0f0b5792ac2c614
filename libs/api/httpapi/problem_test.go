package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

// TestStatusOfCodes: clients and proxies go by the status that a code has.
func TestStatusOfCodes(t *testing.T) {
	want := map[string]int{
		"bad_json": 400, "bad_request": 400, "unauthorized": 401, "token_expired": 401, "forbidden": 403, "muted": 403, "not_joined": 403, "not_found": 404,
		"conflict": 409, "too_large": 413, "too_many": 422, "rate_limited": 429, "unavailable": 503, "internal": 500, "of_a_newer_release": 500,
	}
	for code, status := range want {
		err := Error(chat.E(code, "why"), func(error) { t.Errorf("%s was logged", code) })
		p, ok := errors.AsType[*Problem](err)
		if !ok || p.Status != status || p.Code != code || p.Detail != "why" || p.Title != http.StatusText(status) {
			t.Errorf("%s: %+v, want %d", code, p, status)
		}
	}
	for code := range status {
		if _, ok := want[code]; !ok {
			t.Errorf("nobody tests the status of %s", code)
		}
	}
}

// TestCodesOfStatuses: what the framework refuses has a code, too.
func TestCodesOfStatuses(t *testing.T) {
	for status, want := range map[int]string{
		400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "not_found", 406: "bad_request", 408: "bad_request",
		409: "conflict", 413: "too_large", 415: "bad_request", 422: "bad_request", 429: "rate_limited", 499: "bad_request",
		500: "internal", 501: "internal", 503: "unavailable",
	} {
		p, ok := errors.AsType[*Problem](huma.NewError(status, "why", &huma.ErrorDetail{Message: "wrong", Value: "a password"}))
		if !ok || p.Code != want || p.Status != status || len(p.Errors) != 1 || p.Errors[0].Value != nil || p.Errors[0].Message != "wrong" {
			t.Errorf("%d: %+v, want %s", status, p, want)
		}
	}
	p, ok := errors.AsType[*Problem](huma.NewError(400, "read", &http.MaxBytesError{Limit: 1}))
	if !ok || p.Code != "too_large" || p.Status != 413 {
		t.Errorf("a body that is too long: %+v", p)
	}
}

// TestSentence: a request that does not fit is answered with what is wrong with which field.
func TestSentence(t *testing.T) {
	p, ok := errors.AsType[*Problem](huma.NewError(422, "validation failed",
		&huma.ErrorDetail{Location: "query.limit", Message: "invalid integer", Value: "x"}, &huma.ErrorDetail{Location: "body", Message: "expected required property name to be present"}))
	if want := "limit: invalid integer; expected required property name to be present"; !ok || p.Detail != want {
		t.Errorf("%+v, want %q", p, want)
	}
	if p, ok := errors.AsType[*Problem](huma.NewError(404, "there is no such page")); !ok || p.Detail != "there is no such page" {
		t.Errorf("without fields: %+v", p)
	}
}

// TestWait: a client is told in whole seconds, and not too few, and in milliseconds.
func TestWait(t *testing.T) {
	for _, tt := range []struct {
		wait    time.Duration
		ms      int64
		seconds string
	}{{0, 0, ""}, {time.Nanosecond, 1, "1"}, {time.Millisecond, 1, "1"}, {time.Second, 1000, "1"}, {1001 * time.Millisecond, 1001, "2"}, {2 * time.Second, 2000, "2"}} {
		w := httptest.NewRecorder()
		WriteError(w, http.StatusServiceUnavailable, Error(&chat.Error{Code: chat.CodeUnavailable, Message: "x", RetryAfter: tt.wait}, nil))
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if p.RetryAfter != tt.ms || w.Header().Get("Retry-After") != tt.seconds || w.Code != 503 || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, %v", tt.wait, w.Code, w.Body, w.Header())
		}
	}
}

func TestTokenErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code string
		wait time.Duration
	}{
		{errors.Join(errors.New("x"), auth.ErrExpired), "token_expired", 0},
		{errors.Join(errors.New("x"), auth.ErrNoKeys), "unavailable", retryKeys},
		{auth.ErrInvalid, "unauthorized", 0},
		{errors.New("x"), "unauthorized", 0},
	} {
		if e := TokenError(tt.err); e.Code != tt.code || e.RetryAfter != tt.wait {
			t.Errorf("%v: %+v", tt.err, e)
		}
	}
}

// TestPanics: what a handler has begun to answer is left as it is, and what it has not is an error.
func TestPanics(t *testing.T) {
	for _, tt := range []struct {
		handle http.HandlerFunc
		status int
	}{
		{func(http.ResponseWriter, *http.Request) { panic("oops") }, 500},
		{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted); panic("oops") }, 202},
		{func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")); panic("oops") }, 200},
	} {
		w := httptest.NewRecorder()
		Handler(tt.handle, zap.NewNop(), 0, nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != tt.status || tt.status == 500 && w.Header().Get("Content-Type") != "application/problem+json" || tt.status == 200 && w.Body.String() != "x" {
			t.Errorf("answered %d %q, want %d", w.Code, w.Body, tt.status)
		}
		if h := w.Header(); h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers are %v", h)
		}
	}
}
