package directory

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// maxFound is how many users a search finds.
const maxFound = 20

type body[T any] struct{ Body T }

type passwordInput struct {
	Body struct {
		Name     string `json:"name" doc:"1 to 32 letters, digits, dots, dashes and underscores."`
		Password string `json:"password" doc:"At least 8 characters."`
	}
}

type nameInput struct {
	Body struct {
		Name string `json:"name"`
	}
}

type refreshInput struct {
	Body struct {
		Refresh string `json:"refresh_token"`
	}
}

type roomInput struct {
	Room string `path:"room" maxLength:"64"`
}

type memberInput struct {
	Room string `path:"room" maxLength:"64"`
	User string `path:"user" maxLength:"64"`
}

type empty struct{}

// route registers an operation whose errors become what a client is told.
func route[In, Out any](s *Service, api huma.API, op huma.Operation, handle func(context.Context, *In) (Out, error)) {
	huma.Register(api, op, func(ctx context.Context, in *In) (*body[Out], error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.fail(err)
		}
		return &body[Out]{out}, nil
	})
}

// counted counts log-ins by their outcome.
func (s *Service) counted(kind string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = chat.CodeOf(err)
	}
	s.metrics.logins.WithLabelValues(kind, outcome).Inc()
}

func (s *Service) accountRoutes(api huma.API, mux *http.ServeMux) {
	enter := func(ctx context.Context, kind string, u store.User, err error) (c credentials, _ error) {
		if err == nil {
			c, err = s.open(ctx, u)
		}
		s.counted(kind, err)
		return c, err
	}
	route(s, api, huma.Operation{OperationID: "register", Method: http.MethodPost, Path: "/v1/register", Summary: "Make an account"},
		func(ctx context.Context, in *passwordInput) (credentials, error) {
			u, err := s.register(ctx, in.Body.Name, in.Body.Password)
			return enter(ctx, "register", u, err)
		})
	route(s, api, huma.Operation{OperationID: "login", Method: http.MethodPost, Path: "/v1/login", Summary: "Log in"},
		func(ctx context.Context, in *passwordInput) (credentials, error) {
			address, _ := ctx.Value(addressKey{}).(string)
			u, err := s.login(ctx, in.Body.Name, in.Body.Password, address)
			return enter(ctx, "login", u, err)
		})
	route(s, api, huma.Operation{OperationID: "guest", Method: http.MethodPost, Path: "/v1/guest", Summary: "Come in as a guest"},
		func(ctx context.Context, in *nameInput) (credentials, error) {
			u, err := s.guest(ctx, in.Body.Name)
			return enter(ctx, "guest", u, err)
		})
	route(s, api, huma.Operation{OperationID: "refresh", Method: http.MethodPost, Path: "/v1/refresh", Summary: "Get the next token"},
		func(ctx context.Context, in *refreshInput) (credentials, error) {
			c, err := s.refresh(ctx, in.Body.Refresh)
			s.counted("refresh", err)
			return c, err
		})
	route(s, api, huma.Operation{OperationID: "logout", Method: http.MethodPost, Path: "/v1/logout", Summary: "End the log-in", Security: httpapi.Bearer},
		func(ctx context.Context, _ *struct{}) (empty, error) {
			return empty{}, s.logout(ctx, httpapi.User(ctx))
		})
	route(s, api, huma.Operation{OperationID: "me", Method: http.MethodGet, Path: "/v1/me", Summary: "Who the token is for", Security: httpapi.Bearer},
		func(ctx context.Context, _ *struct{}) (account, error) {
			u, err := s.user(ctx, httpapi.User(ctx).User)
			return accountOf(u), err
		})
	route(s, api, huma.Operation{OperationID: "users", Method: http.MethodGet, Path: "/v1/users", Summary: "Find users by the beginning of their name", Security: httpapi.Bearer},
		func(ctx context.Context, in *struct {
			Q string `query:"q" maxLength:"64"`
		}) (out struct {
			Users []account `json:"users"`
		}, err error) {
			out.Users = []account{}
			_, key, err := checkName(strings.TrimSpace(in.Q))
			if err != nil {
				return out, nil // no name begins so
			}
			found, err := s.store.Users(ctx, key, maxFound)
			for _, u := range found {
				out.Users = append(out.Users, accountOf(u))
			}
			return out, err
		})
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		set, _ := s.keys.publicSet(r.Context())
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(set) // fails only if the client has gone
	})
}

func (s *Service) roomRoutes(api huma.API) {
	route(s, api, huma.Operation{OperationID: "rooms", Method: http.MethodGet, Path: "/v1/rooms", Summary: "My rooms, and the public ones", Security: httpapi.Bearer},
		func(ctx context.Context, _ *struct{}) (out struct {
			Rooms []roomView `json:"rooms"`
		}, err error) {
			out.Rooms, err = s.rooms(ctx, httpapi.User(ctx).User)
			return out, err
		})
	route(s, api, huma.Operation{OperationID: "create-room", Method: http.MethodPost, Path: "/v1/rooms", Summary: "Make a room", Security: httpapi.Bearer},
		func(ctx context.Context, in *struct {
			Body struct {
				Name    string `json:"name"`
				Topic   string `json:"topic,omitempty"`
				Private bool   `json:"private,omitempty"`
			}
		}) (roomView, error) {
			return s.createRoom(ctx, httpapi.User(ctx), in.Body.Name, in.Body.Topic, in.Body.Private)
		})
	route(s, api, huma.Operation{OperationID: "room", Method: http.MethodGet, Path: "/v1/rooms/{room}", Summary: "A room", Security: httpapi.Bearer},
		func(ctx context.Context, in *roomInput) (roomView, error) {
			user := httpapi.User(ctx).User
			r, a, err := s.visible(ctx, in.Room, user)
			if err != nil {
				return roomView{}, err
			}
			return s.view(ctx, r, user, a.Role)
		})
	route(s, api, huma.Operation{OperationID: "describe-room", Method: http.MethodPatch, Path: "/v1/rooms/{room}", Summary: "Change a room's name or topic", Security: httpapi.Bearer},
		func(ctx context.Context, in *struct {
			Room string `path:"room" maxLength:"64"`
			Body struct {
				Name  *string `json:"name,omitempty"`
				Topic *string `json:"topic,omitempty"`
			}
		}) (roomView, error) {
			return s.describeRoom(ctx, httpapi.User(ctx), in.Room, in.Body.Name, in.Body.Topic)
		})
	route(s, api, huma.Operation{OperationID: "join-room", Method: http.MethodPost, Path: "/v1/rooms/{room}/join", Summary: "Become a member of a public room", Security: httpapi.Bearer},
		func(ctx context.Context, in *roomInput) (roomView, error) {
			return s.join(ctx, httpapi.User(ctx), in.Room)
		})
	route(s, api, huma.Operation{OperationID: "leave-room", Method: http.MethodPost, Path: "/v1/rooms/{room}/leave", Summary: "End my membership", Security: httpapi.Bearer},
		func(ctx context.Context, in *roomInput) (empty, error) {
			return empty{}, s.leave(ctx, httpapi.User(ctx), in.Room)
		})
	route(s, api, huma.Operation{OperationID: "members", Method: http.MethodGet, Path: "/v1/rooms/{room}/members", Summary: "Who is a member", Security: httpapi.Bearer},
		s.members)
	route(s, api, huma.Operation{OperationID: "add-member", Method: http.MethodPost, Path: "/v1/rooms/{room}/members", Summary: "Bring somebody in, or change a role", Security: httpapi.Bearer},
		func(ctx context.Context, in *struct {
			Room string `path:"room" maxLength:"64"`
			Body struct {
				User string            `json:"user"`
				Role directoryapi.Role `json:"role,omitempty"`
			}
		}) (empty, error) {
			return empty{}, s.addMember(ctx, httpapi.User(ctx), in.Room, in.Body.User, in.Body.Role)
		})
	route(s, api, huma.Operation{OperationID: "remove-member", Method: http.MethodDelete, Path: "/v1/rooms/{room}/members/{user}", Summary: "End somebody's membership", Security: httpapi.Bearer},
		func(ctx context.Context, in *memberInput) (empty, error) {
			return empty{}, s.removeMember(ctx, httpapi.User(ctx), in.Room, in.User)
		})
	route(s, api, huma.Operation{OperationID: "direct", Method: http.MethodPost, Path: "/v1/direct", Summary: "The direct room with somebody", Security: httpapi.Bearer},
		func(ctx context.Context, in *struct {
			Body struct {
				User string `json:"user"`
			}
		}) (roomView, error) {
			return s.direct(ctx, httpapi.User(ctx), in.Body.User)
		})
}

type memberView struct {
	User string            `json:"user"`
	Name string            `json:"name"`
	Role directoryapi.Role `json:"role"`
}

type membersOutput struct {
	Members []memberView `json:"members"`
	More    bool         `json:"more,omitempty" doc:"There are more after the last one."`
}

func (s *Service) members(ctx context.Context, in *struct {
	Room  string `path:"room" maxLength:"64"`
	After string `query:"after" maxLength:"64" doc:"Only members whose user id is greater."`
},
) (membersOutput, error) {
	out := membersOutput{Members: []memberView{}}
	_, a, err := s.visible(ctx, in.Room, httpapi.User(ctx).User)
	if err != nil {
		return out, err
	}
	if a.Role == "" {
		return out, chat.E(chat.CodeForbidden, "only members may see who is in the room")
	}
	all, err := s.store.Members(ctx, in.Room, in.After, maxMembers+1)
	if err != nil {
		return out, err
	}
	if len(all) > maxMembers {
		all, out.More = all[:maxMembers], true
	}
	for _, m := range all {
		out.Members = append(out.Members, memberView{User: m.User, Name: m.Name, Role: m.Role})
	}
	return out, nil
}
