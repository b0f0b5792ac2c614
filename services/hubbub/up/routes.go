package up

import (
	"net/http"
	"os"
	"path"
	"strings"
)

// routes sends each request to the service that answers it: the same routes as those of infra/nginx/routes.conf.
type routes struct {
	history, presence, directory, page http.Handler
}

// ServeHTTP implements http.Handler.
func (r routes) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch serviceOf(req.URL.Path) {
	case "history":
		r.history.ServeHTTP(w, req)
	case "presence":
		r.presence.ServeHTTP(w, req)
	case "directory":
		r.directory.ServeHTTP(w, req)
	default:
		r.page.ServeHTTP(w, req)
	}
}

// serviceOf names the service that answers a path; "" is the page. The edge has taken /v1/ws before.
func serviceOf(p string) string {
	if p == "/.well-known/jwks.json" {
		return "directory"
	}
	rest, ok := strings.CutPrefix(p, "/v1/")
	if !ok {
		return ""
	}
	part := strings.Split(rest, "/")
	three := len(part) == 3 && part[1] != ""
	switch {
	case rest == "search", rest == "reads", part[0] == "history" && len(part) > 1, three && part[0] == "rooms" && part[2] == "messages":
		return "history"
	case part[0] == "presence" && len(part) > 1, three && (part[0] == "rooms" || part[0] == "users") && part[2] == "presence":
		return "presence"
	}
	return "directory"
}

// newPage serves the built page from a folder. Files under assets are named by their content and may be kept for ever.
func newPage(dir string) http.Handler {
	if dir == "" || dir == noPage {
		return http.NotFoundHandler()
	}
	root := os.DirFS(dir)
	files := http.FileServerFS(root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this is a page: it can be read", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-cache")
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		if strings.ContainsRune(name, 0) { // which no file has in its name; the file system would call it a fault
			http.NotFound(w, r)
			return
		}
		if strings.HasPrefix(name, "assets/") {
			if f, err := root.Open(name); err == nil {
				_ = f.Close()
				h.Set("Cache-Control", "public, max-age=31536000, immutable")
			}
		} else if name != "" {
			// A folder without an index would be listed; the page has none to show.
			if info, err := os.Stat(path.Join(dir, name)); err == nil && info.IsDir() {
				http.NotFound(w, r)
				return
			}
		}
		files.ServeHTTP(w, r)
	})
}
