package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Cross is which pages of other sites may use a service: the part of a configuration that the
// public routes of all services share, so that they agree. It implements the CORS protocol (Fetch
// standard, section 3.3) without credentials: a page brings a token, and never a cookie.
type Cross struct {
	Origins []string `help:"Origins of pages of other sites that may use this server, such as https://www.example.org; * for any. Empty: over HTTP only the server's own pages." placeholder:"ORIGIN"`
}

// Validate returns what is wrong with the configuration.
func (c *Cross) Validate() error {
	var errs []error
	for _, o := range c.Origins {
		if o == "*" {
			continue
		}
		u, err := url.Parse(o)
		if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || !ascii(o) {
			errs = append(errs, fmt.Errorf("--origins has %.80q; each has to be like https://www.example.org, in ASCII (xn--… for others), or *", o))
		}
	}
	return errors.Join(errs...)
}

func ascii(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) }

// Normal returns an origin as browsers write it: in lower case, without a slash at its end and
// without the port that is its scheme's own.
func Normal(origin string) string {
	o := strings.TrimSuffix(strings.ToLower(origin), "/")
	for scheme, port := range map[string]string{"https://": ":443", "http://": ":80"} {
		if strings.HasPrefix(o, scheme) {
			o = strings.TrimSuffix(o, port)
		}
	}
	return o
}

// What a page of another site may send, and may read of an answer.
const (
	crossMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	crossHeaders = "Authorization, Content-Type, Traceparent, " + RequestIDHeader
	crossExposed = "Retry-After, " + RequestIDHeader
	crossAge     = "7200" // seconds that a browser keeps the answer to a preflight request
)

// Handler returns h for pages of other sites, too, as far as they are allowed. It answers their
// preflight requests itself; h sees every other request, also of pages that are not allowed: their
// browsers give them no answer.
func (c *Cross) Handler(h http.Handler) http.Handler {
	everybody := slices.Contains(c.Origins, "*")
	allowed := map[string]bool{}
	for _, o := range c.Origins {
		allowed[Normal(o)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if !everybody && len(c.Origins) > 0 {
			w.Header().Add("Vary", "Origin")
		}
		preflight := r.Method == http.MethodOptions && origin != "" && r.Header.Get("Access-Control-Request-Method") != ""
		if origin == "" || !everybody && !allowed[strings.ToLower(origin)] {
			if preflight && !strings.HasSuffix(origin, "://"+r.Host) {
				WriteStatus(w, http.StatusForbidden, "this server is not for pages of that origin: those who run it can allow it by --origins")
				return
			}
			h.ServeHTTP(w, r)
			return
		}
		header := w.Header()
		if header.Set("Access-Control-Allow-Origin", origin); everybody {
			header.Set("Access-Control-Allow-Origin", "*")
		}
		if preflight {
			header.Set("Access-Control-Allow-Methods", crossMethods)
			header.Set("Access-Control-Allow-Headers", crossHeaders)
			header.Set("Access-Control-Max-Age", crossAge)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		header.Set("Access-Control-Expose-Headers", crossExposed)
		h.ServeHTTP(w, r)
	})
}
