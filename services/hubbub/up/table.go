package up

import (
	"fmt"
	"slices"
	"strings"
)

// route says which service answers a path. {…} stands for one segment, and a slash at the end for
// everything below. A route with a method is only for requests of that method.
type route struct {
	method        string
	path, service string
	// slow routes hash a password or send a letter, so nginx admits fewer requests from an address.
	slow bool
	// file is the greatest size of a file in the request body, in KiB; 0: the route takes no files.
	file int
}

// table has the routes of `hubbub up` and of nginx: the first match counts. A request without a
// match is for a file of the page. The edge also answers /v1/ws, which infra/nginx/routes.conf
// configures. Routes of one path stand together, the one without a method last.
//
// nginx reads the table from infra/nginx/table.conf, which `make docs` writes.
var table = []route{
	{method: "POST", path: "/v1/rooms/{room}/messages", service: "edge"},
	{path: "/v1/rooms/{room}/messages", service: "history"},
	{path: "/v1/rooms/{room}/messages/", service: "edge"},
	{path: "/v1/edge/", service: "edge"},
	{path: "/v1/rooms/{room}/read", service: "history"},
	{path: "/v1/rooms/{room}/unread", service: "history"},
	{path: "/v1/rooms/{room}/quotes", service: "history"},
	{path: "/v1/rooms/{room}/pins", service: "history"},
	{path: "/v1/rooms/{room}/threads", service: "history"},
	{path: "/v1/rooms/{room}/threads/", service: "history"},
	{path: "/v1/rooms/{room}/versions/", service: "history"},
	{path: "/v1/reads", service: "history"},
	{path: "/v1/read", service: "history"},
	{path: "/v1/inbox", service: "history"},
	{path: "/v1/threads", service: "history"},
	{path: "/v1/follows", service: "history"},
	{path: "/v1/search", service: "history"},
	{path: "/v1/saved", service: "history"},
	{path: "/v1/saved/", service: "history"},
	{path: "/v1/history/", service: "history"},
	{path: "/v1/rooms/{room}/presence", service: "presence"},
	{path: "/v1/users/{user}/presence", service: "presence"},
	{path: "/v1/presence/", service: "presence"},
	{path: "/v1/login", service: "directory", slow: true},
	{path: "/v1/register", service: "directory", slow: true},
	{path: "/v1/guest", service: "directory", slow: true},
	{path: "/v1/setup", service: "directory", slow: true},
	{path: "/v1/forgot", service: "directory", slow: true},
	{path: "/v1/reset", service: "directory", slow: true},
	{path: "/v1/password", service: "directory", slow: true},
	{path: "/v1/mail", service: "directory", slow: true},
	{path: "/v1/me/register", service: "directory", slow: true},
	{path: "/v1/me/delete", service: "directory", slow: true},
	{path: "/v1/emoji/", service: "directory", file: 128},
	{path: "/v1/", service: "directory"},
	{path: "/.well-known/jwks.json", service: "directory"},
}

// serviceOf names the service that answers a request for a path; "" is the page.
func serviceOf(method, path string) string {
	for _, r := range table {
		if (r.method == "" || r.method == method) && r.matches(path) {
			return r.service
		}
	}
	return ""
}

func (r route) matches(path string) bool {
	want, have := strings.Split(r.path, "/"), strings.Split(path, "/")
	for i, w := range want {
		switch {
		case i > 0 && i == len(want)-1 && w == "" && i < len(have):
			return true // everything below
		case i == len(have), have[i] != w && (!strings.HasPrefix(w, "{") || have[i] == ""):
			return false
		}
	}
	return len(have) == len(want)
}

// nginxTable returns the table as nginx configuration.
func nginxTable() []byte {
	var b strings.Builder
	b.WriteString("# Which service answers which path: written by `make docs` from services/hubbub/up/table.go.\n")
	var methods []route // routes with a method, of the path of the next route without one
	for _, r := range table {
		if r.method != "" {
			methods = append(methods, r)
			continue
		}
		zone := "api"
		if r.slow {
			zone = "login"
		}
		fmt.Fprintf(&b, "location %s {\n    limit_req zone=%s burst=200 nodelay;\n", r.location(), zone)
		if r.file > 0 {
			fmt.Fprintf(&b, "    client_max_body_size %dk;\n", r.file)
		}
		service := "$hubbub_" + r.service
		if len(methods) > 0 {
			fmt.Fprintf(&b, "    set $hubbub_service %s;\n", service)
			service = "$hubbub_service"
		}
		for _, m := range methods {
			fmt.Fprintf(&b, "    if ($request_method = %s) {\n        set $hubbub_service $hubbub_%s;\n    }\n", m.method, m.service)
		}
		fmt.Fprintf(&b, "    proxy_pass http://%s;\n}\n", service)
		methods = nil
	}
	return []byte(b.String())
}

// location returns the route as the argument of nginx's location. nginx tries exact paths first,
// then regular expressions in order, then the longest prefix.
func (r route) location() string {
	parts := strings.Split(r.path, "/")
	if !slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, "{") }) {
		if strings.HasSuffix(r.path, "/") {
			return r.path
		}
		return "= " + r.path
	}
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = "[^/]+"
		}
	}
	end := "$"
	if parts[len(parts)-1] == "" { // everything below
		end = ""
	}
	return "~ ^" + strings.Join(parts, "/") + end
}
