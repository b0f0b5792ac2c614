package up

import (
	"net/http"
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
