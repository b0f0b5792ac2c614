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
	return asked(page, http.MethodGet, path, header)
}

func asked(page http.Handler, method, path string, header map[string]string) sentPage {
	r := httptest.NewRequest(method, path, http.NoBody)
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
		"br;q=2, gzip;q=-1":        "plain",
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

// TestPageAnswers: what is at which path, and how others may use it.
func TestPageAnswers(t *testing.T) {
	t.Parallel()
	page := newPage(built(t, map[string]string{
		"index.html": "page", "assets/app-1.css": "css", element: "element", "app.webmanifest": "{}", "assetsmap.js": "map", "notes.unknown": "?",
	}))
	const forever = "public, max-age=31536000, immutable"
	for _, tt := range []struct {
		method, path string
		status       int
		body, kind   string
		cache        string
		cross        bool // pages of other sites may load it
	}{
		{"GET", "/", 200, "page", "text/html; charset=utf-8", "no-cache", false},
		{"HEAD", "/", 200, "", "text/html; charset=utf-8", "no-cache", false},
		{"GET", "/index.html", 200, "page", "text/html; charset=utf-8", "no-cache", false},
		{"GET", "/assets/../index.html", 200, "page", "text/html; charset=utf-8", "no-cache", false},
		{"GET", "/../../index.html", 200, "page", "text/html; charset=utf-8", "no-cache", false},
		{"GET", "/assets/app-1.css", 200, "css", "text/css; charset=utf-8", forever, true},
		{"GET", "/" + element, 200, "element", "text/javascript; charset=utf-8", "no-cache", true},
		{"GET", "/assetsmap.js", 200, "map", "text/javascript; charset=utf-8", "no-cache", false},
		{"GET", "/app.webmanifest", 200, "{}", "application/manifest+json", "no-cache", false},
		{"GET", "/notes.unknown", 200, "?", "application/octet-stream", "no-cache", false},
		{"GET", "/assets", 404, "", "", "", false},
		{"GET", "/assets/", 404, "", "", "", false},
		{"GET", "/index.html/", 404, "", "", "", false},
		{"GET", "/missing", 404, "", "", "", false},
		{"POST", "/", 405, "", "", "", false},
		{"DELETE", "/missing", 405, "", "", "", false},
	} {
		a := asked(page, tt.method, tt.path, nil)
		if a.status != tt.status || tt.status == 200 && a.body != tt.body {
			t.Errorf("%s %s: %d and %q", tt.method, tt.path, a.status, a.body)
		}
		is := func(name, want string) {
			t.Helper()
			if got := a.header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", tt.method, tt.path, name, got, want)
			}
		}
		is("X-Content-Type-Options", "nosniff")
		if tt.status != 200 {
			is("Allow", map[int]string{405: "GET, HEAD"}[tt.status])
			continue
		}
		is("Content-Type", tt.kind)
		is("Cache-Control", tt.cache)
		is("Referrer-Policy", "no-referrer")
		is("Access-Control-Allow-Origin", map[bool]string{true: "*"}[tt.cross])
		is("Cross-Origin-Resource-Policy", map[bool]string{true: "cross-origin"}[tt.cross])
	}
	for _, none := range []string{"", noPage} {
		if a := get(newPage(none), "/page.go", nil); a.status != http.StatusNotFound {
			t.Errorf("without a page, from %q: %d", none, a.status)
		}
	}
}

// TestPageInParts: a part of what is compressed has the length of the part.
func TestPageInParts(t *testing.T) {
	t.Parallel()
	page := newPage(built(t, map[string]string{"index.html": "the page", "index.html.br": "0123456789"}))
	a := get(page, "/", map[string]string{"Accept-Encoding": "br", "Range": "bytes=2-4"})
	if length := a.header.Get("Content-Length"); a.status != http.StatusPartialContent || a.body != "234" || length != "" && length != "3" {
		t.Errorf("%d, %q, of %s bytes", a.status, a.body, length)
	}
	if a := get(page, "/", nil); a.header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("Vary of what is not compressed is %q", a.header.Get("Vary"))
	}
}

// TestPageChanges: another build of the same length, or of the same time, is another page.
func TestPageChanges(t *testing.T) {
	t.Parallel()
	dir := built(t, map[string]string{"index.html": "page"})
	page, file := newPage(dir), filepath.Join(dir, "index.html")
	at := time.Unix(1_700_000_000, 0)
	seen := map[string]string{}
	for _, build := range []struct {
		text  string
		after time.Duration
	}{{"page", 0}, {"next", time.Second}, {"longer", time.Second}, {"page", time.Hour}} {
		if err := os.WriteFile(file, []byte(build.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at.Add(build.after), at.Add(build.after)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time it is known
			a := get(page, "/", nil)
			if a.body != build.text || a.header.Get("ETag") == "" {
				t.Errorf("%q is sent with the tag %s, want %q", a.body, a.header.Get("ETag"), build.text)
			}
			if before := seen[a.header.Get("ETag")]; before != "" && before != build.text {
				t.Errorf("%q has the tag of %q", build.text, before)
			}
			seen[a.header.Get("ETag")] = build.text
		}
	}
}
