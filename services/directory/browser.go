package directory

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
)

// cookieHeader is the header by which a page says where it is, such as /chat/: its refresh token
// then comes and goes in a cookie, which scripts cannot read. Pages of other sites cannot send it
// unless this server agrees, which it never does (the CORS protocol of the Fetch standard).
const cookieHeader = "Hubbub-Cookie"

const (
	refreshPath       = "/v1/refresh" // of the routes that the cookie is sent to
	refreshCookieName = "hubbub_refresh"
)

// goodPage is where a page may be.
var goodPage = regexp.MustCompile(`^/([A-Za-z0-9._~-]+/)*$`)

var (
	errNoRefresh = chat.E(chat.CodeBadRequest, "the request has no refresh token: send it in the body, or the header "+cookieHeader+" if it is in a cookie")
	errElsewhere = chat.E(chat.CodeForbidden, "this request comes from a page of another site")
)

// browser is the page that a request comes from, if it keeps its refresh token in a cookie.
type browser struct {
	path    string // of the cookie
	name    string // of the cookie
	refresh string // the cookie's value
	foreign bool   // it is a page of another site: it is given no cookie, and has none
	secure  bool
}

type browserKey struct{}

// browserOf returns the page that a request comes from; false: it keeps its refresh token itself.
func browserOf(ctx context.Context) (b browser, ok bool) {
	b, ok = ctx.Value(browserKey{}).(browser)
	return b, ok
}

// withBrowser keeps what a page says of where it is.
func withBrowser(ctx huma.Context, next func(huma.Context)) {
	page := ctx.Header(cookieHeader)
	if !goodPage.MatchString(page) {
		next(ctx)
		return
	}
	r, _ := humago.Unwrap(ctx)
	b := browser{path: strings.TrimSuffix(page, "/") + refreshPath, secure: isSecure(ctx.Context())}
	// Sec-Fetch-Site, and where a browser sends none, Origin against Host.
	b.foreign = http.NewCrossOriginProtection().Check(r) != nil
	port := ""
	if origin, err := url.Parse(r.Header.Get("Origin")); err == nil && origin.Host != "" {
		port = origin.Port()
		b.secure = b.secure || origin.Scheme == "https"
	}
	b.name = cookieName(port, b.secure)
	if c, err := r.Cookie(b.name); err == nil {
		b.refresh = c.Value
	}
	next(huma.WithValue(ctx, browserKey{}, b))
}

// cookieName returns the name of the refresh token's cookie of a page. Cookies do not know ports,
// and pages do.
func cookieName(port string, secure bool) string {
	name := refreshCookieName
	if port != "" {
		name += "_" + port
	}
	if secure {
		// which keeps others than this server's https from writing it (RFC 6265bis, section 4.1.3)
		name = "__Secure-" + name
	}
	return name
}

// cookie returns what the browser keeps for as long as a log-in lasts that is not used.
func (b browser) cookie(refresh string, life time.Duration) http.Cookie {
	c := http.Cookie{
		Name: b.name, Value: refresh, Path: b.path, MaxAge: int(life / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: b.secure,
	}
	if refresh == "" {
		c.MaxAge = -1
	}
	return c
}

// inCookie moves the refresh token of an answer into a cookie, if it is for a page that keeps it
// so.
func inCookie(ctx context.Context, c credentials) credentials {
	if b, ok := browserOf(ctx); ok && !b.foreign && c.Refresh != "" {
		c.cookies = append(c.cookies, b.cookie(c.Refresh, c.life))
		c.Refresh = ""
	}
	return c
}

// shownRefresh returns the refresh token of a request: what its body has, or else the page's
// cookie.
func shownRefresh(ctx context.Context, body string) (string, error) {
	b, ok := browserOf(ctx)
	switch {
	case body != "":
		return body, nil
	case ok && b.foreign:
		return "", errElsewhere
	case !ok:
		return "", errNoRefresh // which does not log out a page of the release before
	case b.refresh == "":
		return "", httpapi.ErrEnded
	}
	return b.refresh, nil
}
