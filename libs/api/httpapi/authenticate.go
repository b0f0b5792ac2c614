package httpapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

// retryKeys is how long a client waits when tokens cannot be verified yet.
const retryKeys = time.Second

type userKey struct{}

// ErrEnded is what a client is told whose token is good, and whose log-in has ended since it was
// made.
var ErrEnded = chat.E(chat.CodeUnauthorized, "the log-in has ended: log in again")

// Authenticate returns a middleware that lets only requests with a good token (Authorization:
// Bearer …, RFC 6750 section 2.1) through to operations whose Security is Bearer, and keeps what
// the token says for User. refuse, of which there may be none, may refuse a good token all the
// same: with an error that Error knows, such as ErrEnded.
func Authenticate(api huma.API, v *auth.Verifier, refuse ...func(context.Context, auth.Claims) error) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if len(ctx.Operation().Security) == 0 {
			next(ctx)
			return
		}
		scheme, token, _ := strings.Cut(ctx.Header("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			token = ""
		}
		claims, err := v.Verify(ctx.Context(), strings.TrimSpace(token))
		if err != nil {
			writeProblem(api, ctx, problem(TokenError(err)))
			return
		}
		for _, r := range refuse {
			if err := r(ctx.Context(), claims); err != nil {
				writeProblem(api, ctx, problemOf(err, nil))
				return
			}
		}
		if q, ok := ctx.Context().Value(requestKey{}).(*request); ok {
			q.user = claims.User
		}
		next(huma.WithValue(ctx, userKey{}, claims))
	}
}

// Endings knows which log-ins have ended; *directory.Cache in package api is one. It is called
// concurrently.
type Endings interface {
	// Known waits until Revoked knows all that ended before the process was started, or ctx ends,
	// when it returns a *chat.Error.
	Known(ctx context.Context) error
	Revoked(claims auth.Claims) bool
}

// knownWithin is how long a request waits at the start of a process for what has ended before.
const knownWithin = 2 * time.Second

// Ended returns what Authenticate refuses a token with whose log-in has ended.
func Ended(e Endings) func(context.Context, auth.Claims) error {
	return func(ctx context.Context, c auth.Claims) error {
		ctx, cancel := context.WithTimeout(ctx, knownWithin)
		defer cancel()
		if err := e.Known(ctx); err != nil {
			return err
		}
		if e.Revoked(c) {
			return ErrEnded
		}
		return nil
	}
}

// User returns what the token of the request says. It must be called only in operations that
// Authenticate guards.
func User(ctx context.Context) auth.Claims {
	c, _ := ctx.Value(userKey{}).(auth.Claims)
	return c
}

// TokenError returns the error that a client is told for an error of auth.Verifier.
func TokenError(err error) *chat.Error {
	switch {
	case errors.Is(err, auth.ErrExpired):
		return chat.E(chat.CodeTokenExpired, "the token has expired: fetch a new one")
	case errors.Is(err, auth.ErrNoKeys):
		return chat.Unavailable("tokens cannot be verified right now", retryKeys)
	}
	return chat.E(chat.CodeUnauthorized, "a valid token is needed: log in")
}

func writeProblem(api huma.API, ctx huma.Context, p *Problem) {
	ctx.SetHeader("Content-Type", "application/problem+json")
	for k, v := range p.GetHeaders() {
		ctx.SetHeader(k, v[0])
	}
	ctx.SetStatus(p.Status)
	_ = api.Marshal(ctx.BodyWriter(), "application/json", p) // fails only if the client has gone
}
