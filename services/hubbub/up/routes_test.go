package up

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub.internal/services/hubbub/rigs/cluster"
)

// TestRoutes holds that `hubbub up` and nginx send every path to the same service.
func TestRoutes(t *testing.T) {
	t.Parallel()
	named := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
	}
	web := t.TempDir()
	// In the order in which a build makes them.
	for _, f := range [][2]string{{"index.html", "page"}, {"assets/app-1.js", "script"}, {"assets/app-2.js", "script"}, {"assets/app-2.js.gz", "zipped"}} {
		name, text := f[0], f[1]
		file := filepath.Join(web, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	addrs := map[string][]string{}
	for _, s := range []string{"edge", "history", "presence", "directory"} {
		server := httptest.NewServer(named(s))
		defer server.Close()
		addrs[s] = []string{server.Listener.Addr().String()}
	}
	var front string
	nginx, err := cluster.NGINX(t.TempDir(), web, addrs, func(url string) { front = url })
	if err != nil {
		t.Fatal(err)
	}
	if err := nginx.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer nginx.Stop()
	up := httptest.NewServer(routes{edge: named("edge"), history: named("history"), presence: named("presence"), directory: named("directory"), page: newPage(web)})
	defer up.Close()

	for name, base := range map[string]string{"nginx": front, "up": up.URL} {
		r, err := http.Post(base+"/", "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s answers a POST to the page with %s", name, r.Status)
		}
		// What the build has compressed is sent as it is.
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/assets/app-2.js", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		if r, err = http.DefaultClient.Do(req); err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil || string(body) != "zipped" || r.Header.Get("Content-Encoding") != "gzip" || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s sends %q with %v, want the compressed file; %v", name, body, r.Header, err)
		}
	}
	for path, want := range map[string]string{
		"/":                                "page",
		"/assets/app-1.js":                 "script",
		"/assets/":                         "404",
		"/no-such":                         "404",
		"/assets/%00":                      "no file",
		"/%00":                             "no file",
		"/assets/app-1.js%00":              "no file",
		"/v1/rooms/lobby/messages":         "history",
		"/v1/rooms/lobby/messages?x=1":     "history",
		"/v1/reads":                        "history",
		"POST /v1/rooms/lobby/quotes":      "history",
		"/v1/rooms/lobby/pins":             "history",
		"/v1/saved":                        "history",
		"PUT /v1/saved/lobby/u1/m1":        "history",
		"/v1/rooms/lobby/threads?limit=5":  "history",
		"/v1/rooms/lobby/threads/u1/m1":    "history",
		"/v1/threads?unread=true":          "history",
		"/v1/follows":                      "history",
		"/v1/history/openapi.json":         "history",
		"/v1/rooms/lobby/presence":         "presence",
		"/v1/users/u1/presence":            "presence",
		"/v1/presence/openapi.json":        "presence",
		"/v1/rooms":                        "directory",
		"/v1/rooms/lobby":                  "directory",
		"/v1/rooms/lobby/members":          "directory",
		"/v1/rooms/lobby/members/u1":       "directory",
		"/v1/login":                        "directory",
		"/v1/directory/openapi.json":       "directory",
		"/v1/no-such":                      "directory",
		"/.well-known/jwks.json":           "directory",
		"/.well-known/no-such":             "404",
		"POST /v1/rooms/lobby/messages":    "edge",
		"PUT /v1/rooms/lobby/messages":     "history",
		"/v1/rooms/lobby/messages/u1/m":    "edge",
		"PATCH /v1/rooms/a/messages/u/m":   "edge",
		"DELETE /v1/rooms/a/messages/u/m?": "edge",
		"PUT /v1/rooms/a/messages/u/m/reactions/%F0%9F%91%8D": "edge",
		"/v1/edge/openapi.json":                               "edge",
		"/v1/rooms/lobby/message/more":                        "directory",
	} {
		for name, base := range map[string]string{"nginx": front, "up": up.URL} {
			method, path, ok := strings.Cut(path, " ")
			if !ok {
				method, path = http.MethodGet, method
			}
			req, err := http.NewRequestWithContext(t.Context(), method, base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			got := strings.TrimSpace(string(body))
			if r.StatusCode == http.StatusNotFound {
				got = "404"
			}
			if want == "no file" && (r.StatusCode == http.StatusNotFound || name == "nginx" && r.StatusCode == http.StatusBadRequest) {
				got = "no file"
			}
			if got != want {
				t.Errorf("%s sends %s %s to %s, want %s", name, method, path, got, want)
			}
			if want == "page" && r.Header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s serves the page without a content security policy", name)
			}
			if want == "script" && !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s serves %s without a cache lifetime", name, path)
			}
		}
	}
}
