package storeurl

import (
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "history.db")
	for _, url := range []string{"sqlite:" + file, "sqlite://" + file} {
		s, err := Open(t.Context(), Config{Store: url})
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if _, err := Open(t.Context(), Config{Store: url}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("a second store: %v; it names the file", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	for url, want := range map[string]string{
		"":                   "unknown scheme",
		"postgres://x/y":     "unknown scheme",
		"sqlite:":            "names no file",
		"sqlite://":          "names no file",
		"sqlite:/dev/null/x": "/dev/null",
		"mongodb://":         "not a MongoDB URL",
		"mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100": "is it running",
	} {
		s, err := Open(t.Context(), Config{Store: url})
		if err == nil {
			_ = s.Close()
			t.Errorf("%q opens", url)
		} else if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want one line with %q", url, err, want)
		}
	}
}
