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

// TestBasePath asks nginx and `hubbub up` for everything under a base path, and without it.
func TestBasePath(t *testing.T) {
	t.Parallel()
	named := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, name+" "+r.URL.RequestURI()) })
	}
	web := t.TempDir()
	if err := os.Mkdir(filepath.Join(web, "assets"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"index.html": "page", "assets/a.js": "script"} {
		if err := os.WriteFile(filepath.Join(web, name), []byte(text), 0o644); err != nil {
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
	nginx, err := cluster.NGINX(t.TempDir(), web, addrs, func(url string) { front = url }, "HUBBUB_BASE_PATH=/my.org/chat/")
	if err != nil {
		t.Fatal(err)
	}
	if err := nginx.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer nginx.Stop()
	up := httptest.NewServer(under("/my.org/chat", routes{edge: named("edge"), history: named("history"), presence: named("presence"), directory: named("directory"), page: newPage(web)}))
	defer up.Close()

	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for name, url := range map[string]string{"nginx": front, "up": up.URL} {
		if r, err := client.Post(url+"/my.org/chat/v1/rooms/a/messages?x=a%2Fb", "application/json", strings.NewReader("{}")); err != nil {
			t.Error(err)
		} else if body, _ := io.ReadAll(r.Body); r.Body.Close() != nil || string(body) != "edge /v1/rooms/a/messages?x=a%2Fb" {
			t.Errorf("%s sends a message to %s", name, body)
		}
		for path, want := range map[string]string{
			"/my.org/chat/":                 "200 page",
			"/":                             "200 page",
			"/my.org/chat/assets/a.js":      "200 script",
			"/my.org/chat/v1/users?q=a%2Fb": "200 directory /v1/users?q=a%2Fb",
			"/v1/users?q=a%2Fb":             "200 directory /v1/users?q=a%2Fb",
			"/my.org/chat/v1/rooms/lobby/messages?last=1": "200 history /v1/rooms/lobby/messages?last=1",
			"/my.org/chat/v1/users/ann/presence":          "200 presence /v1/users/ann/presence",
			"/my.org/chat/.well-known/jwks.json":          "200 directory /.well-known/jwks.json",
			"/my.org/chat":                                "301 /my.org/chat/",
			"/my.org/chat/none":                           "404",
			"/my.org/chats":                               "404",
			"/myxorg/chat/":                               "404",
			"/my.org/":                                    "404",
		} {
			r, err := client.Get(url + path)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(r.Body)
			_ = r.Body.Close()
			got := r.Status[:3]
			switch r.StatusCode {
			case http.StatusOK:
				got += " " + string(body)
			case http.StatusMovedPermanently:
				got += " " + r.Header.Get("Location")
			}
			if got != want {
				t.Errorf("%s answers %s with %q, want %q", name, path, got, want)
			}
		}
	}
	if r := ask(t, strings.TrimPrefix(front, "http://"), "GET /my.org/chat/v1/ws?x=1 HTTP/1.1\r\nHost: h\r\n\r\n"); r.body != "edge /v1/ws?x=1" {
		t.Errorf("nginx passes the WebSocket on as %q", r.body)
	}
	for _, bad := range []string{"chat/", "/a b/", "//", "/../", "/$x/"} {
		if _, err := cluster.NGINX(t.TempDir(), web, addrs, func(string) {}, "HUBBUB_BASE_PATH="+bad); err == nil || !strings.Contains(err.Error(), "HUBBUB_BASE_PATH is "+bad) {
			t.Errorf("the base path %q: %v", bad, err)
		}
	}
}
