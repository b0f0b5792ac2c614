// Package httpapi is what the HTTP APIs of all services have in common: typed handlers with an
// OpenAPI description, errors in the form of RFC 9457 with Hubbub's codes, authentication by access
// token, and the limits of a server that is open to anybody. It knows no route.
package httpapi

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.uber.org/zap"

	"hubbub.internal/libs/trace"
)

// maxBody is the greatest size of a request's body, in bytes, unless it is an Upload's.
const maxBody = 64 << 10

// jsonType is the media type of every request's body.
const jsonType = "application/json"

// security names the bearer token in the OpenAPI description.
const security = "token"

// Bearer is the Security of an operation that wants a token; see Authenticate.
var Bearer = []map[string][]string{{security: {}}}

// New returns the API of a service and the mux that its routes are on. The OpenAPI description is
// at /v1/<service>/openapi.json, so that the services' routes can hang on one host.
func New(service, version string) (huma.API, *http.ServeMux) {
	mux := http.NewServeMux()
	cfg := huma.DefaultConfig("Hubbub "+service, version)
	cfg.OpenAPIPath = "/v1/" + service + "/openapi"
	cfg.DocsPath, cfg.SchemasPath = "", "" // those pages load scripts from elsewhere
	cfg.CreateHooks = nil                  // which would put a $schema into every answer
	cfg.AllowAdditionalPropertiesByDefault = true
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		security: {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
	}
	api := humago.New(mux, cfg)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		WriteStatus(w, http.StatusNotFound, "there is no such route")
	})
	return api, mux
}

// Upload says which requests carry a file as their body, of any media type, and how large it may
// be. Their method is none that pages of other sites may use without asking first (the CORS
// protocol of the Fetch standard), such as PUT.
type Upload struct {
	Method string
	Below  string // the beginning of their paths
	Most   int64  // bytes
}

// Handler returns h with the limits and headers that every answer of an API has; it turns a panic
// into an answer and a log line, gives the request an id (RequestIDHeader), traces it and logs it:
// at the level warn if it took longer than slow, which 0 never is, else at debug. A body is JSON of
// at most 64 KiB, but for uploads.
func Handler(h http.Handler, log *zap.Logger, slow time.Duration, tracer *trace.Tracer, uploads ...Upload) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		outside := r
		r, q := named(w, r, tracer)
		most, file := int64(maxBody), false
		for _, u := range uploads {
			if r.Method == u.Method && strings.HasPrefix(r.URL.Path, u.Below) {
				most, file = u.Most, true
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-store") // answers depend on who asks
		if len(r.TransferEncoding) > 0 {
			// A request may have had a Content-Length as well, which the server has dropped by now.
			// Whatever stands in front of it may have gone by that, so what follows on the
			// connection is not to be trusted (RFC 9112, section 6.1).
			header.Set("Connection", "close")
		}
		rec := &recorder{ResponseWriter: w}
		defer func() { // also of an answer that is cut off
			outside.Pattern = r.Pattern // whoever is around this sees the route, as without it
			q.span.End(r.Pattern, rec.status)
			logRequest(log, r, q, rec.status, time.Since(start), slow)
		}()
		defer func() {
			if p := recover(); p == http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
				// the server cuts the answer off: a handler found out too late that it cannot give
				// all of it
				panic(p)
			} else if p != nil {
				log.Error("a handler panicked", append(q.fields(), zap.String("route", r.Pattern), zap.Any("panic", p), zap.Stack("stack"))...)
				if rec.status == 0 {
					WriteStatus(rec, http.StatusInternalServerError, "the service failed; its log says why")
				}
			}
		}()
		if file && r.ContentLength > most {
			header.Set("Connection", "close") // else the server would read some of the rest
			WriteStatus(rec, http.StatusRequestEntityTooLarge, fmt.Sprintf("the file has at most %d KiB", most>>10))
			return
		}
		if !file && !isJSON(r) {
			WriteStatus(rec, http.StatusUnsupportedMediaType, "a body has the Content-Type application/json")
			return
		}
		h.ServeHTTP(rec, r)
	})
}

// isJSON reports whether a request has no body, or one that says it is JSON: pages of other sites
// can have browsers send other types without asking this server first (the CORS protocol of the
// Fetch standard).
func isJSON(r *http.Request) bool {
	if r.ContentLength == 0 {
		return true
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != jsonType {
		return false
	}
	// the framework knows it in lower case only (RFC 9110, section 8.3.1)
	r.Header.Set("Content-Type", jsonType)
	return true
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	if status == http.StatusRequestTimeout {
		r.Header().Set("Connection", "close") // else the server would wait for the rest of the body
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
