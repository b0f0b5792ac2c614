package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/services/directory/store"
)

type passwordInput struct {
	Body struct {
		Name     string `json:"name" doc:"1 to 32 letters, digits, dots, dashes and underscores."`
		Password string `json:"password" doc:"At least 8 characters."`
		Device   string `json:"device_token,omitempty" doc:"The device secret from an earlier log-in, so that others' wrong passwords do not delay you. A browser has it in a cookie."`
		// Invitation is the code of an invitation link; only registration reads it.
		Invitation string `json:"invitation,omitempty" maxLength:"160" doc:"To register where that takes an invitation link: the part of the link after ?invite=."`
	}
	Cookie string `cookie:"hubbub_device" doc:"The same, of a browser."`
}

// devices returns the device secrets of the request.
func (in *passwordInput) devices() []string {
	var all []string
	if in.Body.Device != "" {
		all = append(all, in.Body.Device)
	}
	return append(all, deviceCookie(in.Cookie)...)
}

type nameInput struct {
	Body struct {
		Name string `json:"name"`
	}
}

type refreshInput struct {
	Body struct {
		Refresh string `json:"refresh_token,omitempty" maxLength:"256" doc:"A page that has it in a cookie leaves it out."`
		Attempt string `json:"attempt,omitempty" minLength:"16" maxLength:"64" doc:"A random text. Store it before the request and repeat the request with it if no answer comes: you then get the same token, however late, as long as nobody has used that one."`
	}
	Page string `header:"Hubbub-Cookie" doc:"For a page: its path, such as /chat/. The refresh token is then in a cookie for that path, and not in bodies."`
}

type endInput struct {
	Body struct {
		Refresh string `json:"refresh_token,omitempty" maxLength:"256"`
	}
	Page string `header:"Hubbub-Cookie" doc:"As for refresh."`
}

// left is the answer to a log-out.
type left struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      empty
}

type deletedInput struct {
	Body struct {
		Users []string `json:"users" maxItems:"100" doc:"Ids."`
	}
}

type deletedOutput struct {
	Deleted []string `json:"deleted" doc:"The users among them who have deleted their account: clients show their messages without a name."`
}

type empty struct{}

// guarded is an operation that needs an access token.
func guarded(method, path, id, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Security: httpapi.Bearer}
}

// public is an operation that needs no access token.
func public(method, path, id, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary}
}

func (s *accounts) accountRoutes(api huma.API, mux *http.ServeMux) {
	enter := func(ctx context.Context, kind string, u store.User, err error, in *passwordInput) (c credentials, _ error) {
		var device string
		if err == nil {
			device, err = s.passwords.deviceToken(ctx, u, in.devices())
		}
		if err == nil {
			c, err = s.sessions.open(ctx, u)
			c.Device = device
			c.cookies = append(c.cookies, keepDevice(ctx, device, deviceCookie(in.Cookie)))
		}
		s.sessions.counted(kind, err)
		return c, err
	}
	entry(s.core, api, public(http.MethodPost, "/v1/register", "register", "Make an account"),
		func(ctx context.Context, in *passwordInput) (credentials, error) {
			u, err := s.register(ctx, in.Body.Name, in.Body.Password, in.Body.Invitation, addressOf(ctx))
			return enter(ctx, "register", u, err, in)
		})
	entry(s.core, api, public(http.MethodPost, "/v1/login", "login", "Log in"),
		func(ctx context.Context, in *passwordInput) (credentials, error) {
			u, err := s.passwords.login(ctx, in.Body.Name, in.Body.Password, addressOf(ctx), in.devices())
			return enter(ctx, "login", u, err, in)
		})
	entry(s.core, api, public(http.MethodPost, "/v1/guest", "guest", "Log in as a guest"),
		func(ctx context.Context, in *nameInput) (credentials, error) {
			c, err := s.guest(ctx, in.Body.Name, addressOf(ctx))
			s.sessions.counted("guest", err)
			return c, err
		})
	entry(s.core, api, public(http.MethodPost, refreshPath, "refresh", "Get the next token"),
		func(ctx context.Context, in *refreshInput) (c credentials, err error) {
			refresh, err := shownRefresh(ctx, in.Body.Refresh)
			if err == nil {
				c, err = s.sessions.refresh(ctx, refresh, in.Body.Attempt)
			}
			s.sessions.counted("refresh", err)
			return c, err
		})
	huma.Register(api, public(http.MethodPost, refreshPath+"/end", "end-refresh", "End the log-in of a refresh token"),
		func(ctx context.Context, in *endInput) (*left, error) {
			refresh, err := shownRefresh(ctx, in.Body.Refresh)
			if err == nil {
				err = s.sessions.logoutBy(ctx, refresh)
			}
			if err != nil {
				return nil, httpapi.Error(s.fail(ctx, err), nil)
			}
			out := &left{}
			if b, ok := browserOf(ctx); ok {
				out.SetCookie = []http.Cookie{b.cookie("", 0)}
			}
			return out, nil
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/logout", "logout", "End the log-in"),
		func(ctx context.Context, _ *struct{}) (empty, error) {
			return empty{}, s.logins.logout(ctx, httpapi.User(ctx))
		})
	entry(s.core, api, guarded(http.MethodPost, "/v1/me/register", "keep-account", "Turn the guest that you are into a registered account, which keeps everything"),
		limited(s.core, func(ctx context.Context, in *passwordInput) (credentials, error) {
			return s.keep(ctx, httpapi.User(ctx), in)
		}))
	route(s.core, api, guarded(http.MethodGet, "/v1/me", "me", "Who the token is for"),
		func(ctx context.Context, _ *struct{}) (account, error) {
			u, err := s.records.user(ctx, httpapi.User(ctx).User)
			return accountOf(u), err
		})
	route(s.core, api, guarded(http.MethodGet, "/v1/users", "users", "Find users by the beginning of their name"),
		func(ctx context.Context, in *struct {
			Q string `query:"q" maxLength:"64"`
		}) (out struct {
			Users []account `json:"users"`
		}, err error) {
			out.Users = []account{}
			found, err := s.privacy.findUsers(ctx, httpapi.User(ctx).User, in.Q)
			for _, u := range found {
				out.Users = append(out.Users, accountOf(u))
			}
			return out, err
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/users/deleted", "deleted-users", "Which of these users have deleted their account"),
		func(ctx context.Context, in *deletedInput) (deletedOutput, error) {
			gone, err := s.records.departed(ctx, in.Body.Users)
			return deletedOutput{Deleted: append([]string{}, gone...)}, err
		})
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		set, err := s.keys.publicSet(r.Context())
		if err != nil {
			httpapi.WriteError(w, http.StatusServiceUnavailable, httpapi.Error(s.fail(r.Context(), err), nil))
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(set) // fails only if the client has gone
	})
}
