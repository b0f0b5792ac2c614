package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
)

type sessionsOutput struct {
	Sessions []sessionView `json:"sessions" doc:"The one used last comes first."`
}

type endedOutput struct {
	Ended int `json:"ended" doc:"How many log-ins were ended."`
}

type sessionInput struct {
	Session string `path:"session" maxLength:"64"`
}

type changePasswordInput struct {
	Body struct {
		Current   string `json:"current" doc:"The password that there is."`
		Password  string `json:"password" doc:"The new one: at least 8 characters."`
		EndOthers bool   `json:"end_others,omitempty" doc:"End all log-ins but this one."`
	}
}

type resetLinkInput struct {
	User string `path:"user" maxLength:"64"`
}

type resetInput struct {
	Body struct {
		Secret   string `json:"secret" doc:"What stands in the link." maxLength:"128"`
		Password string `json:"password" doc:"The new one: at least 8 characters."`
	}
}

type deleteInput struct {
	Body struct {
		Password string `json:"password" doc:"Again, since this cannot be undone; a guest has none."`
		Messages string `json:"messages,omitempty" enum:"keep,remove" doc:"keep, which left out means: what you have said stays where it is; remove: it is deleted in all rooms, in the background."`
	}
}

type settingsInput struct{ Body choices }

// ownRoutes are the routes by which users look after their own accounts.
func (s *Service) ownRoutes(api huma.API) {
	route(s, api, guarded(http.MethodGet, "/v1/sessions", "sessions", "Your log-ins"),
		func(ctx context.Context, _ *struct{}) (out sessionsOutput, err error) {
			out.Sessions, err = s.mySessions(ctx, httpapi.User(ctx))
			return out, err
		})
	route(s, api, guarded(http.MethodDelete, "/v1/sessions/{session}", "end-session", "End one of your log-ins"),
		func(ctx context.Context, in *sessionInput) (empty, error) {
			return empty{}, s.endMine(ctx, httpapi.User(ctx), in.Session)
		})
	route(s, api, guarded(http.MethodDelete, "/v1/sessions", "end-other-sessions", "End all of your log-ins but the one that asks"),
		limited(s, func(ctx context.Context, _ *struct{}) (out endedOutput, err error) {
			c := httpapi.User(ctx)
			u, err := s.user(ctx, c.User)
			if err == nil {
				out.Ended, err = s.endOthers(ctx, u, c.Session)
			}
			return out, err
		}))
	route(s, api, guarded(http.MethodPost, "/v1/password", "change-password", "Change your password"),
		limited(s, func(ctx context.Context, in *changePasswordInput) (out endedOutput, err error) {
			out.Ended, err = s.changePassword(ctx, httpapi.User(ctx), in.Body.Current, in.Body.Password, in.Body.EndOthers)
			return out, err
		}))
	route(s, api, guarded(http.MethodPost, "/v1/users/{user}/reset", "reset-link", "Make a link with which somebody chooses a new password: operators"),
		limited(s, func(ctx context.Context, in *resetLinkInput) (resetOutput, error) {
			return s.resetLink(ctx, httpapi.User(ctx), in.User)
		}))
	route(s, api, public(http.MethodPost, "/v1/reset", "reset", "Choose a new password by a link; all log-ins end"),
		func(ctx context.Context, in *resetInput) (empty, error) {
			return empty{}, s.reset(ctx, in.Body.Secret, in.Body.Password)
		})
	route(s, api, guarded(http.MethodGet, "/v1/settings", "settings", "What you have chosen for your account"),
		func(ctx context.Context, _ *struct{}) (settings, error) {
			return s.settings(ctx, httpapi.User(ctx).User)
		})
	route(s, api, guarded(http.MethodPatch, "/v1/settings", "change-settings", "Choose what others may know of you, and who may add you and write to you"),
		limited(s, func(ctx context.Context, in *settingsInput) (settings, error) {
			return s.changeSettings(ctx, httpapi.User(ctx).User, in.Body)
		}))
	s.dataRoute(api)
	s.copyRoute(api)
	route(s, api, guarded(http.MethodPost, "/v1/me/delete", "delete-account", "Delete your account, for good"),
		limited(s, func(ctx context.Context, in *deleteInput) (empty, error) {
			return empty{}, s.deleteMine(ctx, httpapi.User(ctx), in.Body.Password, in.Body.Messages == removeMessages)
		}))
}
