package up

import (
	"net/http"
	"strings"

	"hubbub.internal/libs/api/httpapi"
)

// routes sends each request to the service that the table names. Its fields do not change after the
// first request.
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

// under strips a base path, such as /chat, from requests for h, and redirects the base itself to
// the page. Requests without the base also reach h, because a proxy in front may strip it. An empty
// base changes nothing.
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
