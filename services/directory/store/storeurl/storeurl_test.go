package storeurl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub.internal/libs/mongotest"
)

func TestOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "directory.db")
	for _, url := range []string{"sqlite:" + file, "sqlite://" + file, mongotest.URL(t)} {
		s, err := Open(t.Context(), Config{Store: url})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keys(t.Context()); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	for url, want := range map[string]string{
		"mongodb://127.0.0.1/hubbub":  "",
		"mongodb+srv://example.test/": "",
		"sqlite:data/directory.db":    "",
		"sqlite:":                     "names no file",
		"sqlite://":                   "names no file",
		"postgres://127.0.0.1":        "unknown scheme",
		"":                            "unknown scheme",
		"directory.db":                "unknown scheme",
	} {
		cfg := Config{Store: url}
		err := cfg.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
		if want == "" {
			continue
		}
		if s, err := Open(t.Context(), cfg); err == nil {
			_ = s.Close()
			t.Errorf("opened %q", url)
		}
	}
}
