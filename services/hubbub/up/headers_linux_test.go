package up

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub.internal/services/hubbub/rigs/cluster"
)

// TestFilesHaveTheSameHeaders compares what nginx and `hubbub up` say of the page's files.
func TestFilesHaveTheSameHeaders(t *testing.T) {
	t.Parallel()
	web := t.TempDir()
	if err := os.Mkdir(filepath.Join(web, "assets"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.html", "sw.js", element, "assets/a.worker.js", "assets/a.css", "icon.svg", "hubbub.webmanifest", "assets/f.woff2"} {
		if err := os.WriteFile(filepath.Join(web, name), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	nobody := []string{"127.0.0.1:9"}
	services := map[string][]string{"edge": nobody, "history": nobody, "presence": nobody, "directory": nobody}
	var front string
	nginx, err := cluster.NGINX(t.TempDir(), web, services, func(url string) { front = url })
	if err != nil {
		t.Fatal(err)
	}
	if err := nginx.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer nginx.Stop()
	up := httptest.NewServer(newPage(web))
	defer up.Close()
	for path, want := range map[string]map[string]string{
		"/":      {"Content-Security-Policy": "default-src 'self'; img-src", "Cache-Control": "no-cache"},
		"/sw.js": {"Content-Security-Policy": "default-src 'self'; img-src", "Cache-Control": "no-cache"},
		"/assets/a.worker.js": {
			"Content-Security-Policy": "default-src 'self'; img-src", "Cache-Control": "public, max-age=31536000, immutable", "Access-Control-Allow-Origin": "*",
		},
		"/assets/a.css":       {},
		"/assets/f.woff2":     {},
		"/icon.svg":           {},
		"/hubbub.webmanifest": {},
		"/" + element:         {"Content-Security-Policy": "default-src 'self'; img-src", "Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"},
	} {
		answers := map[string]http.Header{}
		for name, url := range map[string]string{"nginx": front, "up": up.URL} {
			r, err := http.Get(url + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Body.Close()
			if answers[name] = r.Header; r.StatusCode != http.StatusOK {
				t.Errorf("%s answers %s with %s", name, path, r.Status)
			}
		}
		for _, name := range []string{
			"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control", "Access-Control-Allow-Origin",
			"Cross-Origin-Resource-Policy", "Content-Type",
		} {
			nginx, up := answers["nginx"].Values(name), answers["up"].Values(name)
			if strings.Join(nginx, ", ") != strings.Join(up, ", ") {
				t.Errorf("%s of %s: %q from nginx, %q from up", name, path, nginx, up)
			}
			if len(nginx) != 1 && want[name] != "" || !strings.HasPrefix(answers["nginx"].Get(name), want[name]) {
				t.Errorf("%s of %s: %q, want %q", name, path, nginx, want[name])
			}
		}
	}
}
