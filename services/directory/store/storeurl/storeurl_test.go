package storeurl

import (
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"hubbub.internal/libs/mongotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpen(t *testing.T) {
	for _, url := range []string{"sqlite:" + filepath.Join(t.TempDir(), "new", "directory.db"), mongotest.URL(t)} {
		s, err := Open(t.Context(), Config{Store: url}, nil)
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if _, err := s.Keys(t.Context()); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestOpenFails(t *testing.T) {
	for url, want := range map[string]string{
		"sqlite:/dev/null/x": "/dev/null",
		"mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100": "is it running",
	} {
		s, err := Open(t.Context(), Config{Store: url}, nil)
		if s != nil {
			_ = s.Close()
			t.Errorf("%q opens", url)
		} else if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want one line with %q", url, err, want)
		}
	}
}
