package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
)

type muteBody struct {
	Minutes int64  `json:"minutes,omitempty" doc:"Minutes until the mute ends by itself, up to a year; 0 or absent: it lasts until somebody lifts it."`
	Reason  string `json:"reason,omitempty" doc:"One line of up to 256 characters. The muted user sees it."`
}

type muteInput struct {
	Room string `path:"room" maxLength:"64"`
	User string `path:"user" maxLength:"64"`
	Body muteBody
}

type serverMuteInput struct {
	User string `path:"user" maxLength:"64"`
	Body muteBody
}

func (s *mutes) muteRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/rooms/{room}/mutes", "room-mutes", "Mutes in a room"),
		func(ctx context.Context, in *bansInput) (mutesOutput, error) {
			return s.mutes(ctx, httpapi.User(ctx), in.Room, in.After)
		})
	route(s.core, api, guarded(http.MethodPut, "/v1/rooms/{room}/mutes/{user}", "mute-in-room", "Mute somebody in a room: moderators and owners"),
		limited(s.core, func(ctx context.Context, in *muteInput) (empty, error) {
			return empty{}, s.mute(ctx, httpapi.User(ctx), in.Room, in.User, in.Body.Minutes, in.Body.Reason)
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/rooms/{room}/mutes/{user}", "unmute-in-room", "End somebody's mute in a room"),
		limited(s.core, func(ctx context.Context, in *memberInput) (empty, error) {
			return empty{}, s.unmute(ctx, httpapi.User(ctx), in.Room, in.User)
		}))
	route(s.core, api, guarded(http.MethodGet, "/v1/mutes", "mutes", "Mutes on the whole server: for operators and auditors"),
		func(ctx context.Context, in *serverBansInput) (mutesOutput, error) {
			return s.mutes(ctx, httpapi.User(ctx), wholeServer, in.After)
		})
	route(s.core, api, guarded(http.MethodPut, "/v1/mutes/{user}", "mute", "Mute somebody on the whole server: for operators"),
		limited(s.core, func(ctx context.Context, in *serverMuteInput) (empty, error) {
			return empty{}, s.mute(ctx, httpapi.User(ctx), wholeServer, in.User, in.Body.Minutes, in.Body.Reason)
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/mutes/{user}", "unmute", "End somebody's mute on the whole server: for operators"),
		limited(s.core, func(ctx context.Context, in *serverUnbanInput) (empty, error) {
			return empty{}, s.unmute(ctx, httpapi.User(ctx), wholeServer, in.User)
		}))
}
