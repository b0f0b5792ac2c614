package up

import (
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"

	"hubbub.internal/libs/api/httpapi"
)

// routes sends each request to the service that the table names. What it has is set before a
// request comes.
type routes struct {
	edge, history, presence, directory, page http.Handler
}

// ServeHTTP implements http.Handler.
func (r routes) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch serviceOf(req.Method, req.URL.Path) {
	case "edge":
		r.edge.ServeHTTP(w, req)
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

// under answers what is below a base path, such as /chat, as h does without it, and leads from the
// base itself to the page. What comes without it is answered, too: a proxy in front may take it
// off. An empty base is none.
func under(base string, h http.Handler) http.Handler {
	if base == "" {
		return h
	}
	stripped := http.StripPrefix(base, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == base:
			w.Header().Set("Location", base+"/")
			w.WriteHeader(http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, base+"/"):
			stripped.ServeHTTP(w, r)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

func noSuchPage(w http.ResponseWriter) {
	httpapi.WriteStatus(w, http.StatusNotFound, "there is no such page")
}

// newPage serves the built page from a folder. Files under assets are named by their content and
// may be kept for ever.
func newPage(dir string) http.Handler {
	if dir == "" || dir == noPage {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { noSuchPage(w) })
	}
	root := os.DirFS(dir)
	files := http.FileServerFS(root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			httpapi.WriteStatus(w, http.StatusMethodNotAllowed, "this is a page: it can be read")
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		if name != "" {
			// Only files are served, by their own names: a folder would be listed or redirected to.
			info, err := fs.Stat(root, name)
			if err != nil || !info.Mode().IsRegular() || strings.HasSuffix(r.URL.Path, "/") {
				noSuchPage(w)
				return
			}
		}
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-cache")
		if strings.HasPrefix(name, "assets/") {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		files.ServeHTTP(w, r)
	})
}
