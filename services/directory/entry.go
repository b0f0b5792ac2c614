package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
)

type secureKey struct{}

// isSecure reports whether a request came by https, which a proxy says in a header. A client that
// says so without a proxy harms only its own cookies.
func isSecure(ctx context.Context) bool {
	secure, _ := ctx.Value(secureKey{}).(bool)
	return secure
}

// entered is the answer to a log-in.
type entered struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      credentials
}

// entry registers an operation whose answer is credentials, with the cookies that a browser keeps
// of them.
func entry[In any](s *core, api huma.API, op huma.Operation, handle func(context.Context, *In) (credentials, error)) {
	huma.Register(api, op, func(ctx context.Context, in *In) (*entered, error) {
		c, err := handle(ctx, in)
		if err != nil {
			return nil, httpapi.Error(s.fail(ctx, err), nil)
		}
		c = inCookie(ctx, c)
		return &entered{SetCookie: c.cookies, Body: c}, nil
	})
}
