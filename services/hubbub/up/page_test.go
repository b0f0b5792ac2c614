package up

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// built makes a page in a folder: each file with its text.
func built(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	// In their order, so that what is compressed is no older than what it is of.
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(files[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func get(page http.Handler, path string, header map[string]string) (*http.Response, string) {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	page.ServeHTTP(w, r)
	answer := w.Result()
	body, _ := io.ReadAll(answer.Body)
	return answer, string(body)
}

func TestPageSendsTheSmallestThatIsAccepted(t *testing.T) {
	t.Parallel()
	page := newPage(built(t, map[string]string{
		"index.html": "page", "assets/app-1.js": "plain", "assets/app-1.js.br": "br", "assets/app-1.js.gz": "gz", "assets/font-1.woff2": "font",
	}))
	for accept, want := range map[string]string{
		"":                         "plain",
		"gzip, deflate, br, zstd":  "br",
		"gzip":                     "gz",
		"x-gzip":                   "gz",
		"BR;q=0.1":                 "br",
		"br;q=0, gzip;q=0.5":       "gz",
		"br ; q=0 , *":             "gz",
		"*":                        "br",
		"*;q=0":                    "plain",
		"identity":                 "plain",
		"gzip;q=0, br;q=0.000":     "plain",
		"gzip;q=nonsense, deflate": "plain",
	} {
		header := map[string]string{}
		if accept != "" {
			header["Accept-Encoding"] = accept
		}
		answer, body := get(page, "/assets/app-1.js", header)
		coding := map[string]string{"plain": "", "br": "br", "gz": "gzip"}[want]
		if body != want || answer.Header.Get("Content-Encoding") != coding {
			t.Errorf("%q gets %q with the coding %q, want %q", accept, body, answer.Header.Get("Content-Encoding"), want)
		}
		if got := answer.Header.Get("Vary"); got != "Accept-Encoding" {
			t.Errorf("%q: Vary is %q", accept, got)
		}
		if got := answer.Header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
			t.Errorf("%q: Content-Type is %q", accept, got)
		}
		if int(answer.ContentLength) != len(want) {
			t.Errorf("%q: Content-Length is %d, want %d", accept, answer.ContentLength, len(want))
		}
	}
	if answer, _ := get(page, "/assets/font-1.woff2", map[string]string{"Accept-Encoding": "br"}); answer.Header.Get("Vary") != "" {
		t.Error("what is sent as it is to everybody varies")
	}
}

func TestPageIsSentOnceAsLongAsItIsTheSame(t *testing.T) {
	t.Parallel()
	dir := built(t, map[string]string{"index.html": "page", "index.html.br": "br"})
	page := newPage(dir)
	plain, _ := get(page, "/", nil)
	small, _ := get(page, "/", map[string]string{"Accept-Encoding": "br"})
	if plain.Header.Get("ETag") == "" || plain.Header.Get("ETag") == small.Header.Get("ETag") {
		t.Fatalf("ETags are %q and %q, and have to differ", plain.Header.Get("ETag"), small.Header.Get("ETag"))
	}
	again, body := get(page, "/", map[string]string{"Accept-Encoding": "br", "If-None-Match": small.Header.Get("ETag")})
	if again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("what the browser has is answered with %s and %q", again.Status, body)
	}
	if again.Header.Get("Vary") == "" || again.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("a 304 without its headers: %v", again.Header)
	}
	// Another build: the file has changed, and what was compressed is of the one before.
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("next"), 0o644); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "index.html"), later, later); err != nil {
		t.Fatal(err)
	}
	next, body := get(page, "/", map[string]string{"Accept-Encoding": "br", "If-None-Match": small.Header.Get("ETag")})
	if next.StatusCode != http.StatusOK || body != "next" {
		t.Errorf("after another build: %s and %q", next.Status, body)
	}
}
