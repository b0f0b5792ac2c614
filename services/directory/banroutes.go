package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
)

type bansInput struct {
	Room  string `path:"room" maxLength:"64"`
	After string `query:"after" maxLength:"64" doc:"Only users whose id is greater."`
}

type banBody struct {
	Reason  string `json:"reason,omitempty" doc:"One line of up to 256 characters, for those who look after the room."`
	Minutes int64  `json:"minutes,omitempty" doc:"After so many minutes the ban ends by itself, up to 10 years; left out: when somebody ends it."`
}

type banInput struct {
	Room string `path:"room" maxLength:"64"`
	User string `path:"user" maxLength:"64"`
	Body banBody
}

type serverBansInput struct {
	After string `query:"after" maxLength:"64" doc:"Only users whose id is greater."`
}

type serverBanInput struct {
	User string `path:"user" maxLength:"64"`
	Body banBody
}

type serverUnbanInput struct {
	User string `path:"user" maxLength:"64"`
}

func (s *bans) banRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/rooms/{room}/bans", "room-bans", "Who is banned from a room"),
		func(ctx context.Context, in *bansInput) (bansOutput, error) {
			return s.bans(ctx, httpapi.User(ctx), in.Room, in.After)
		})
	route(s.core, api, guarded(http.MethodPut, "/v1/rooms/{room}/bans/{user}", "ban-from-room", "Ban somebody from a room: moderators and owners"),
		limited(s.core, func(ctx context.Context, in *banInput) (empty, error) {
			return empty{}, s.ban(ctx, httpapi.User(ctx), in.Room, in.User, in.Body.Reason, in.Body.Minutes)
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/rooms/{room}/bans/{user}", "unban-from-room", "Let somebody into a room again"),
		limited(s.core, func(ctx context.Context, in *memberInput) (empty, error) {
			return empty{}, s.unban(ctx, httpapi.User(ctx), in.Room, in.User)
		}))
	route(s.core, api, guarded(http.MethodGet, "/v1/bans", "bans", "Who is banned from the server: for operators and auditors"),
		func(ctx context.Context, in *serverBansInput) (bansOutput, error) {
			return s.bans(ctx, httpapi.User(ctx), wholeServer, in.After)
		})
	route(s.core, api, guarded(http.MethodPut, "/v1/bans/{user}", "ban", "Ban somebody from the server, and end all of their log-ins"),
		limited(s.core, func(ctx context.Context, in *serverBanInput) (empty, error) {
			return empty{}, s.ban(ctx, httpapi.User(ctx), wholeServer, in.User, in.Body.Reason, in.Body.Minutes)
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/bans/{user}", "unban", "Let somebody log in again"),
		limited(s.core, func(ctx context.Context, in *serverUnbanInput) (empty, error) {
			return empty{}, s.unban(ctx, httpapi.User(ctx), wholeServer, in.User)
		}))
}
