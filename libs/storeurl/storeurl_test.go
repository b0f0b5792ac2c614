package storeurl

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"hubbub.internal/libs/await"
)

func TestOpen(t *testing.T) {
	adapter := func(name string) func(context.Context, string) (string, error) {
		return func(_ context.Context, where string) (string, error) { return name + " " + where, nil }
	}
	for url, want := range map[string]string{
		"sqlite:data/x.db":            "sqlite data/x.db",
		"sqlite://data/x.db":          "sqlite data/x.db",
		"sqlite:///data/x.db":         "sqlite /data/x.db",
		"mongodb://127.0.0.1/hubbub":  "mongo mongodb://127.0.0.1/hubbub",
		"mongodb+srv://example.test/": "mongo mongodb+srv://example.test/",
	} {
		got, err := Open(t.Context(), Config{Store: url}, adapter("sqlite"), adapter("mongo"))
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", url, got, err, want)
		}
	}
}

func TestBadURLs(t *testing.T) {
	never := func(context.Context, string) (int, error) { return 0, errors.New("it was opened") }
	for url, want := range map[string]string{
		"":                    "unknown scheme",
		"history.db":          "unknown scheme",
		"postgres://x/y":      "unknown scheme",
		"sqlite:":             "names no file",
		"sqlite://":           "names no file",
		"secret:password@x/y": "unknown scheme",
	} {
		_, err := Open(t.Context(), Config{Store: url}, never, never)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "password") {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
	}
}

// TestFinalErrors: no waiting mends a URL that is wrong or a file that cannot be opened, and a
// server may come yet. There is no store with an error.
func TestFinalErrors(t *testing.T) {
	away := func(context.Context, string) (io.Closer, error) { return (*os.File)(nil), errors.New("away") }
	for url, final := range map[string]bool{"redis://x": true, "sqlite:x.db": true, "mongodb://x": false} {
		store, err := Open(t.Context(), Config{Store: url}, away, away)
		if store != nil || err == nil || await.IsFinal(err) != final {
			t.Errorf("%s: %v, %v, final: %v", url, store, err, await.IsFinal(err))
		}
	}
}
