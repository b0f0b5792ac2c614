package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestRequestLog: requests are logged by an id, which the answer has, too, and slow ones where they
// are seen.
func TestRequestLog(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	log := zap.New(core)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rooms/{room}", func(_ http.ResponseWriter, r *http.Request) { Log(r.Context(), log).Info("inside") })
	mux.HandleFunc("GET /abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("oh") })
	for _, tt := range []struct {
		name, id string
		keeps    bool
		path     string
		slow     time.Duration
		level    zapcore.Level
	}{
		{"one that brings its id", "0123456789abcdef-_.Z", true, "/rooms/a", time.Hour, zap.DebugLevel},
		{"a slow one", "one", true, "/rooms/a", 1, zap.WarnLevel},
		{"no time is too long", "one", true, "/rooms/a", 0, zap.DebugLevel},
		{"one that panics", "two", true, "/panic", 0, zap.DebugLevel},
		{"without an id", "", false, "/rooms/a", 0, zap.DebugLevel},
		{"an id that is a log line", "a\" b\n", false, "/rooms/a", 0, zap.DebugLevel},
		{"a long id", strings.Repeat("a", 65), false, "/rooms/a", 0, zap.DebugLevel},
	} {
		r := httptest.NewRequest(http.MethodGet, tt.path, nil)
		r.Header.Set(RequestIDHeader, tt.id)
		w := httptest.NewRecorder()
		Handler(mux, log, tt.slow, nil).ServeHTTP(w, r)
		id := w.Header().Get(RequestIDHeader)
		if (id == tt.id) != tt.keeps || len(id) == 0 || len(id) > maxRequestID {
			t.Errorf("%s: the answer has the id %q", tt.name, id)
		}
		all := logs.TakeAll()
		if len(all) != 2 {
			t.Fatalf("%s: %d lines", tt.name, len(all))
		}
		for _, l := range all {
			if l.ContextMap()["request"] != id {
				t.Errorf("%s: %q is logged of the request %v", tt.name, l.Message, l.ContextMap()["request"])
			}
		}
		if last := all[1]; last.Level != tt.level || (last.Message == "slow request") != (tt.level == zap.WarnLevel) || last.ContextMap()["route"] == "" {
			t.Errorf("%s: %s %q %v", tt.name, last.Level, last.Message, last.ContextMap())
		}
	}
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
				t.Errorf("the server is told %v of an answer that is cut off", p)
			}
		}()
		Handler(mux, log, 0, nil).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/abort", nil))
	}()
	if all := logs.TakeAll(); len(all) != 1 || all[0].Message != "request" || all[0].ContextMap()["route"] != "GET /abort" {
		t.Errorf("logged of an answer that is cut off: %v", all)
	}
	if Log(context.Background(), log) != log {
		t.Error("the logs of no request are not those that were given")
	}
}
