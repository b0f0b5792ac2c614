package up

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// A sentPage is what was answered to a request.
type sentPage struct {
	status int
	header http.Header
	body   string
}

func get(page http.Handler, path string, header map[string]string) sentPage {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	page.ServeHTTP(w, r)
	return sentPage{w.Code, w.Header(), w.Body.String()}
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
		a := get(page, "/assets/app-1.js", header)
		coding := map[string]string{"plain": "", "br": "br", "gz": "gzip"}[want]
		if a.body != want || a.header.Get("Content-Encoding") != coding {
			t.Errorf("%q gets %q with the coding %q, want %q", accept, a.body, a.header.Get("Content-Encoding"), want)
		}
		if got := a.header.Get("Vary"); got != "Accept-Encoding" {
			t.Errorf("%q: Vary is %q", accept, got)
		}
		if got := a.header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
			t.Errorf("%q: Content-Type is %q", accept, got)
		}
		if got := a.header.Get("Content-Length"); got != strconv.Itoa(len(want)) {
			t.Errorf("%q: Content-Length is %s, want %d", accept, got, len(want))
		}
	}
	if a := get(page, "/assets/font-1.woff2", map[string]string{"Accept-Encoding": "br"}); a.header.Get("Vary") != "" {
		t.Error("what is sent as it is to everybody varies")
	}
}

func TestPageIsSentOnceAsLongAsItIsTheSame(t *testing.T) {
	t.Parallel()
	dir := built(t, map[string]string{"index.html": "page", "index.html.br": "br"})
	page := newPage(dir)
	plain := get(page, "/", nil)
	small := get(page, "/", map[string]string{"Accept-Encoding": "br"})
	if plain.header.Get("ETag") == "" || plain.header.Get("ETag") == small.header.Get("ETag") {
		t.Fatalf("ETags are %q and %q, and have to differ", plain.header.Get("ETag"), small.header.Get("ETag"))
	}
	again := get(page, "/", map[string]string{"Accept-Encoding": "br", "If-None-Match": small.header.Get("ETag")})
	if again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("what the browser has is answered with %d and %q", again.status, again.body)
	}
	if again.header.Get("Vary") == "" || again.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("a 304 without its headers: %v", again.header)
	}
	// Another build: the file has changed, and what was compressed is of the one before.
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("next"), 0o644); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "index.html"), later, later); err != nil {
		t.Fatal(err)
	}
	next := get(page, "/", map[string]string{"Accept-Encoding": "br", "If-None-Match": small.header.Get("ETag")})
	if next.status != http.StatusOK || next.body != "next" {
		t.Errorf("after another build: %d and %q", next.status, next.body)
	}
}
